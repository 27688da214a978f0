package signalbox_test

import (
	"context"
	"errors"
	"testing"
	"time"

	signalbox "github.com/signalbox/signalbox/clients/go"
)

// holding is a worker whose only op, hold, says when it starts and goes on until it is let go or ended.
type holding struct {
	worker  *signalbox.Worker
	started chan struct{}
	goOn    chan struct{}
	causes  chan error
	left    chan error
	stop    context.CancelFunc
}

func hold(t *testing.T, client *signalbox.Client, how options) *holding {
	t.Helper()
	h := &holding{
		worker:  signalbox.NewWorker(client, how),
		started: make(chan struct{}, 10), goOn: make(chan struct{}),
		causes: make(chan error, 10), left: make(chan error, 1),
	}
	h.worker.Handle("hold", func(ctx context.Context, task task) (outputs, error) {
		// Durable, so that the server knows of the start.
		if err := task.Event(ctx, signalbox.NewEvent{Type: "started"}); err != nil {
			return nil, err
		}
		h.started <- struct{}{}
		select {
		case <-h.goOn:
			return nil, nil
		case <-ctx.Done():
			h.causes <- context.Cause(ctx)
			return nil, ctx.Err()
		}
	})
	ctx, stop := context.WithCancel(context.Background())
	h.stop = stop
	t.Cleanup(stop)
	go func() { h.left <- h.worker.Run(ctx) }()
	return h
}

func TestAWorkerWhoseContextEndsFinishesWhatItHasAndLeaves(t *testing.T) {
	client, ctx := sharedServer(t).dial(t), within(t)
	h := hold(t, client, options{})
	run := must(client.CreateRun(ctx, signalbox.TaskOf("hold", nil)))(t)
	receive(t, h.started)
	h.stop()
	later := must(client.CreateRun(ctx, signalbox.TaskOf("hold", nil)))(t)
	close(h.goOn)
	if err := receive(t, h.left); err != nil {
		t.Errorf("the worker ended with %v", err)
	}
	if ended := must(client.GetRun(ctx, run.GetRunId()))(t); ended.GetState() != signalbox.RunSucceeded {
		t.Errorf("the run is %s", ended.GetState())
	}
	if waits := must(client.GetRun(ctx, later.GetRunId()))(t); waits.GetState() != signalbox.RunQueued {
		t.Errorf("the later run is %s", waits.GetState())
	}
	if _, err := client.GetWorker(ctx, h.worker.ID()); !errors.Is(err, signalbox.ReasonWorkerNotFound) {
		t.Errorf("the worker that left is %v", err)
	}
	if err := h.worker.Run(ctx); err == nil {
		t.Error("a worker ran twice")
	}
}

func TestAWorkerThatMayNotWaitGivesItsAttemptsBack(t *testing.T) {
	client, ctx := sharedServer(t).dial(t), within(t)
	h := hold(t, client, options{DrainTimeout: time.Millisecond})
	run := must(client.CreateRun(ctx, signalbox.TaskOf("hold", nil)))(t)
	receive(t, h.started)
	h.stop()
	if err := receive(t, h.left); err != nil {
		t.Errorf("the worker ended with %v", err)
	}
	if cause := receive(t, h.causes); !errors.Is(cause, signalbox.ErrWorkerStopped) {
		t.Errorf("the cause is %v", cause)
	}
	if ended := must(client.WaitRun(ctx, run.GetRunId()))(t); ended.GetState() != signalbox.RunFailed {
		t.Errorf("the run ended %s", ended.GetState())
	}
}

func TestAnOperatorDrainsAWorker(t *testing.T) {
	client, ctx := sharedServer(t).dial(t), within(t)
	h := hold(t, client, options{Labels: map[string]string{"zone": "a"}})
	must(client.CreateRun(ctx, signalbox.TaskOf("hold", nil)))(t)
	receive(t, h.started)
	if found := collect(t, client.ListWorkers(ctx, map[string]string{"zone": "b"})); len(found) != 0 {
		t.Errorf("zone b has %v", found)
	}
	found := collect(t, client.ListWorkers(ctx, map[string]string{"zone": "a"}))
	if len(found) != 1 || found[0].GetWorkerId() != h.worker.ID() || found[0].GetOps()[0] != "hold" {
		t.Errorf("zone a has %v", found)
	}
	must(client.DrainWorker(ctx, h.worker.ID()))(t)
	close(h.goOn)
	if err := receive(t, h.left); err != nil {
		t.Errorf("the worker ended with %v", err)
	}
}

func TestAnEvictedWorkerLosesItsAttemptsAndAttachesAgain(t *testing.T) {
	client, ctx := sharedServer(t).dial(t), within(t)
	h := hold(t, client, options{})
	policy := signalbox.RetryPolicy{MaxAttempts: 2, InitialBackoff: signalbox.AtOnce}
	run := must(client.CreateRun(ctx, signalbox.TaskOf("hold", nil, signalbox.Retry(policy))))(t)
	receive(t, h.started)
	if released := must(client.EvictWorker(ctx, h.worker.ID(), signalbox.Because("it smokes")))(t); released != 1 {
		t.Errorf("it held %d attempts", released)
	}
	if cause := receive(t, h.causes); !errors.Is(cause, signalbox.ErrLost) {
		t.Errorf("the cause is %v", cause)
	}
	// The second attempt comes to the same worker, on a new session.
	receive(t, h.started)
	close(h.goOn)
	if ended := must(client.WaitRun(ctx, run.GetRunId()))(t); ended.GetState() != signalbox.RunSucceeded {
		t.Errorf("the run ended %s", ended.GetState())
	}
	attempts := must(client.ListAttempts(ctx, run.GetRunId(), "main"))(t)
	if got := attempts[0].GetError().GetType(); got != "Evicted" {
		t.Errorf("the first attempt ended with %s", got)
	}
	h.stop()
	if err := receive(t, h.left); err != nil {
		t.Errorf("the worker ended with %v", err)
	}
}

func TestALaterProcessOfTheNameTakesTheWorkersPlace(t *testing.T) {
	client, ctx := sharedServer(t).dial(t), within(t)
	first := hold(t, client, options{ID: "the-one"})
	must(client.CreateRun(ctx, signalbox.TaskOf("hold", nil)))(t)
	receive(t, first.started)
	second := hold(t, client, options{ID: "the-one"})
	if err := receive(t, first.left); !errors.Is(err, signalbox.ErrSuperseded) {
		t.Errorf("the first ended with %v", err)
	}
	if cause := receive(t, first.causes); !errors.Is(cause, signalbox.ErrWorkerStopped) && !errors.Is(cause, signalbox.ErrLost) {
		t.Errorf("the cause is %v", cause)
	}
	second.stop()
	if err := receive(t, second.left); err != nil {
		t.Errorf("the second ended with %v", err)
	}
}

func TestAWorkerThatCannotBeIsAnErrorOfRun(t *testing.T) {
	client, ctx := sharedServer(t).dial(t), within(t)
	rows := map[string]func() *signalbox.Worker{
		"no ops":           func() *signalbox.Worker { return signalbox.NewWorker(client, options{}) },
		"too many at once": func() *signalbox.Worker { return signalbox.NewWorker(client, options{Concurrency: 9_999}) },
		"an op twice": func() *signalbox.Worker {
			worker := signalbox.NewWorker(client, options{})
			worker.Handle("op", nil)
			worker.Handle("op", nil)
			return worker
		},
		"a name with spaces": func() *signalbox.Worker {
			worker := signalbox.NewWorker(client, options{ID: "a name"})
			worker.Handle("op", nil)
			return worker
		},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			if err := row().Run(ctx); err == nil || ctx.Err() != nil {
				t.Errorf("it ended with %v", err)
			}
		})
	}
}

func TestATaskIsBeatenForWhileItWaitsAndNotWhileItHangs(t *testing.T) {
	client, ctx := sharedServer(t).dial(t), within(t)
	work(t, client, options{}, func(worker *signalbox.Worker) {
		worker.Handle("wait", func(ctx context.Context, task task) (outputs, error) {
			_, err := task.Condition(ctx, "ok", signalbox.Bool)
			return nil, err
		})
		worker.Handle("hang", func(ctx context.Context, _ task) (outputs, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		})
	})
	beats := signalbox.Within(signalbox.Timeouts{Heartbeat: 1500 * time.Millisecond})
	hangs := must(client.CreateRun(ctx, signalbox.TaskOf("hang", nil, beats)))(t)
	waits := must(client.CreateRun(ctx, signalbox.TaskOf("wait", nil, beats)))(t)
	firstOpen(t, client, waits.GetRunId())
	// The one that hangs ends at its timeout; created later, the one that waits has waited for as long.
	if ended := must(client.WaitRun(ctx, hangs.GetRunId()))(t); ended.GetState() != signalbox.RunTimedOut {
		t.Errorf("the one that hangs ended %s", ended.GetState())
	}
	hangs = must(client.CreateRun(ctx, signalbox.TaskOf("hang", nil, beats)))(t)
	must(client.WaitRun(ctx, hangs.GetRunId()))(t)
	must(client.Signal(ctx, waits.GetRunId(), "main/ok", true))(t)
	if ended := must(client.WaitRun(ctx, waits.GetRunId()))(t); ended.GetState() != signalbox.RunSucceeded {
		t.Errorf("the one that waits ended %s", ended.GetState())
	}
}

func TestAWorkerTakesTasksOfTheNamespacesItShares(t *testing.T) {
	server := sharedServer(t)
	own, other := server.dial(t), server.dial(t)
	how := options{SharedNamespaces: []string{other.Namespace()}}
	work(t, own, how, func(worker *signalbox.Worker) {
		worker.Handle("where", func(ctx context.Context, task task) (outputs, error) {
			child, err := task.Child(ctx, "leaf", "leaf", nil)
			return outputs{"namespace": task.Namespace(), "leaf": child.Get("namespace")}, err
		})
		worker.Handle("leaf", func(_ context.Context, task task) (outputs, error) {
			return outputs{"namespace": task.Namespace()}, nil
		})
	})
	for _, client := range []*signalbox.Client{own, other} {
		result := must(signalbox.Result(execute(t, client, "where", nil)))(t)
		for _, name := range []string{"namespace", "leaf"} {
			if got := result.Get(name).String(); got != client.Namespace() {
				t.Errorf("%s is %s and not %s", name, got, client.Namespace())
			}
		}
	}
}

func TestAWorkerThatIsToldToBeatsForEveryTask(t *testing.T) {
	client, ctx := sharedServer(t).dial(t), within(t)
	beats := signalbox.Within(signalbox.Timeouts{Heartbeat: 1500 * time.Millisecond})
	h := hold(t, client, options{AutoHeartbeat: true})
	held := must(client.CreateRun(ctx, signalbox.TaskOf("hold", nil, beats)))(t)
	receive(t, h.started)
	// A task of a worker that does not beat shows when the timeout is over.
	work(t, client, options{}, func(worker *signalbox.Worker) {
		worker.Handle("hang", func(ctx context.Context, _ task) (outputs, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		})
	})
	for range 2 {
		if run := execute(t, client, "hang", nil, beats); run.GetState() != signalbox.RunTimedOut {
			t.Errorf("the one that is not beaten for ended %s", run.GetState())
		}
	}
	close(h.goOn)
	if run := must(client.WaitRun(ctx, held.GetRunId()))(t); run.GetState() != signalbox.RunSucceeded {
		t.Errorf("the one that is beaten for ended %s", run.GetState())
	}
	h.stop()
	if err := receive(t, h.left); err != nil {
		t.Error(err)
	}
}
