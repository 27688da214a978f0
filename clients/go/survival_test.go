package signalbox_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	signalbox "github.com/signalbox/signalbox/clients/go"
	pb "github.com/signalbox/signalbox/clients/go/gen/signalbox/v1"
)

func TestATaskRunsOnWhileItsServerIsEndedAndStartedAgain(t *testing.T) {
	for name, signal := range map[string]syscall.Signal{"killed": syscall.SIGKILL, "stopped": syscall.SIGTERM} {
		t.Run(name, func(t *testing.T) { runOnWhileTheServerEnds(t, signal) })
	}
}

func runOnWhileTheServerEnds(t *testing.T, signal syscall.Signal) {
	server := ownServer(t)
	client, ctx := server.dial(t), within(t)
	var calls atomic.Int32
	started, goOn := make(chan struct{}, 1), make(chan struct{})
	work(t, client, options{}, func(worker *signalbox.Worker) {
		worker.Handle("long", func(ctx context.Context, task task) (outputs, error) {
			calls.Add(1)
			task.Log("before")
			if err := task.Event(ctx, signalbox.NewEvent{Type: "before"}); err != nil {
				return nil, err
			}
			started <- struct{}{}
			<-goOn
			// The server is gone; what is said waits until it is back.
			task.Progress(50, "meanwhile")
			if err := task.Event(ctx, signalbox.NewEvent{Type: "meanwhile"}); err != nil {
				return nil, err
			}
			step, err := signalbox.Step(ctx, task, "step", func(context.Context) (int, error) { return 3, nil })
			if err != nil {
				return nil, err
			}
			answer, err := task.Condition(ctx, "ok", signalbox.Bool)
			return outputs{"attempt": task.Attempt(), "step": step, "ok": answer}, err
		})
	})
	run := must(client.CreateRun(ctx, signalbox.TaskOf("long", nil)))(t)
	receive(t, started)
	server.kill(signal)
	close(goOn)
	if err := server.start(); err != nil {
		t.Fatal(err)
	}
	firstOpen(t, client, run.GetRunId())
	// And once more, while the task waits for its answer.
	server.kill(signal)
	if err := server.start(); err != nil {
		t.Fatal(err)
	}
	must(client.Signal(ctx, run.GetRunId(), "main/ok", true))(t)
	result := must(signalbox.Result(must(client.WaitRun(ctx, run.GetRunId()))(t)))(t)
	if got := fmt.Sprint(result.Get("attempt"), result.Get("step"), result.Get("ok")); got != "1 3 true" {
		t.Errorf("the outputs are %v", result.Any())
	}
	if calls.Load() != 1 {
		t.Errorf("the task was called %d times", calls.Load())
	}
	var types []string
	for _, event := range collect(t, client.ListEvents(ctx, &signalbox.EventFilter{RunId: run.GetRunId()})) {
		if own := event.GetPublished(); own != nil {
			types = append(types, own.GetType())
		}
	}
	if fmt.Sprint(types) != "[before meanwhile]" {
		t.Errorf("the events are %v", types)
	}
}

func TestAFeedGoesOnOverAKilledServerWithoutGapOrRepeat(t *testing.T) {
	server := ownServer(t)
	client, ctx := server.dial(t), within(t)
	const perPart, parts = 50, 3
	publish := func(part int) {
		for index := range perPart {
			number := part*perPart + index
			event := signalbox.NewEvent{Source: "test", Type: "numbered", Payload: number}
			// Sent again under its own id if the server dies over it.
			if err := client.Publish(ctx, []signalbox.NewEvent{event}); err != nil {
				t.Error(err)
				return
			}
		}
	}
	numbers := make(chan int, perPart*parts+1)
	watching := make(chan struct{})
	go func() {
		defer close(numbers)
		filter := &signalbox.EventFilter{Kinds: []pb.EventKind{pb.EventKind_EVENT_KIND_PUBLISHED}}
		isFirst := true
		for frame, err := range client.WatchEvents(ctx, filter) {
			if err != nil {
				t.Error(err)
				return
			}
			if isFirst {
				isFirst = false
				close(watching)
			}
			for _, event := range frame.GetEvents() {
				number := int(event.GetPublished().GetPayload().GetNumberValue())
				numbers <- number
				if number == perPart*parts-1 {
					return
				}
			}
		}
	}()
	receive(t, watching)
	published := make(chan struct{})
	go func() {
		defer close(published)
		for part := range parts {
			publish(part)
		}
	}()
	for expected := range perPart * parts {
		if number := receive(t, numbers); number != expected {
			t.Fatalf("%d came where %d was expected", number, expected)
		}
		if expected == perPart/2 || expected == perPart+perPart/2 {
			server.restart(t)
		}
	}
	receive(t, published)
}

func TestAFollowedRunGoesOnOverAKilledServer(t *testing.T) {
	server := ownServer(t)
	client, ctx := server.dial(t), within(t)
	plan := signalbox.NewPlan().Condition("first", signalbox.Bool).
		Condition("second", signalbox.Bool, signalbox.After("first"))
	run := must(client.CreateRun(ctx, plan))(t)
	var kinds []string
	seen := map[string]bool{}
	for frame, err := range client.FollowRun(ctx, run.GetRunId()) {
		if err != nil {
			t.Fatal(err)
		}
		if frame.GetCursor() != "" && frame.GetSnapshot() {
			server.restart(t)
			must(client.Signal(ctx, run.GetRunId(), "first", true))(t)
		}
		for _, event := range frame.GetEvents() {
			if seen[event.GetEventId()] {
				t.Errorf("%s came twice", event.GetEventId())
			}
			seen[event.GetEventId()] = true
			if event.GetConditionAnswered() != nil {
				kinds = append(kinds, event.GetAction())
				if event.GetAction() == "first" {
					server.restart(t)
					must(client.Signal(ctx, run.GetRunId(), "second", true))(t)
				}
			}
			if event.GetRunEnded() != nil {
				kinds = append(kinds, event.GetRunEnded().GetState().String())
			}
		}
	}
	if fmt.Sprint(kinds) != "[first second STATE_SUCCEEDED]" {
		t.Errorf("what came is %v", kinds)
	}
}

func TestAWorkerCutOffForLongerThanItsLeaseLosesItsAttempts(t *testing.T) {
	server := ownServer(t, "--lease-ms", "2000", "--pulse-interval-ms", "200")
	direct, ctx := server.dial(t), within(t)
	line := newProxy(t, server.address)
	cutOff, err := signalbox.Dial(line.address, signalbox.WithNamespace(direct.Namespace()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cutOff.Close() })
	started, causes := make(chan int, 2), make(chan error, 1)
	work(t, cutOff, options{ID: "cut-off", Concurrency: 1}, func(worker *signalbox.Worker) {
		worker.Handle("hold", func(ctx context.Context, task task) (outputs, error) {
			// Durable, so that the server knows of the start.
			if err := task.Event(ctx, signalbox.NewEvent{Type: "started"}); err != nil {
				return nil, err
			}
			started <- task.Attempt()
			<-ctx.Done()
			causes <- context.Cause(ctx)
			return outputs{"by": "cut-off"}, nil
		})
	})
	policy := signalbox.RetryPolicy{MaxAttempts: 2, InitialBackoff: signalbox.AtOnce}
	run := must(direct.CreateRun(ctx, signalbox.TaskOf("hold", nil, signalbox.Retry(policy))))(t)
	receive(t, started)
	line.cut()
	work(t, direct, options{ID: "well"}, func(worker *signalbox.Worker) {
		worker.Handle("hold", func(_ context.Context, task task) (outputs, error) {
			return outputs{"by": "well", "attempt": task.Attempt()}, nil
		})
	})
	ended := must(direct.WaitRun(ctx, run.GetRunId()))(t)
	line.mend()
	if cause := receive(t, causes); !errors.Is(cause, signalbox.ErrLost) {
		t.Errorf("the cause is %v", cause)
	}
	result := must(signalbox.Result(ended))(t)
	if got := fmt.Sprint(result.Get("by"), result.Get("attempt")); got != "well 2" {
		t.Errorf("it was done by %s", got)
	}
	attempts := must(direct.ListAttempts(ctx, run.GetRunId(), "main"))(t)
	if got := attempts[0].GetError().GetType(); got != "LeaseExpired" {
		t.Errorf("the first attempt ended with %s", got)
	}
}

func TestAReportUnderAnOldEpochIsRefusedAndChangesNothing(t *testing.T) {
	client, ctx := sharedServer(t).dial(t), within(t)
	attach := func(incarnation string) pb.WorkerService_AttachClient {
		stream := must(client.Raw().Workers.Attach(ctx))(t)
		send(t, stream, &pb.AttachRequest{Frame: &pb.AttachRequest_Attach{Attach: &pb.Attach{
			WorkerId: "by-hand", Incarnation: incarnation, Namespace: client.Namespace(), Ops: []string{"op"},
		}}})
		next(t, stream, (*pb.AttachResponse).GetAttached)
		send(t, stream, &pb.AttachRequest{Frame: &pb.AttachRequest_Credit{Credit: &pb.Credit{Amount: 1}}})
		return stream
	}
	policy := signalbox.RetryPolicy{MaxAttempts: 2, InitialBackoff: signalbox.AtOnce}
	run := must(client.CreateRun(ctx, signalbox.TaskOf("op", nil, signalbox.Retry(policy))))(t)
	accept := func(stream pb.WorkerService_AttachClient) *pb.AttemptReference {
		reference := next(t, stream, (*pb.AttachResponse).GetAssign).GetAssignments()[0].GetAttempt()
		accepted := &pb.Accept{Attempts: []*pb.AttemptReference{reference}}
		send(t, stream, &pb.AttachRequest{Frame: &pb.AttachRequest_Accept{Accept: accepted}})
		return reference
	}
	old := accept(attach("first"))
	// Another process of the name takes the place of the first, which gives up what that held.
	second := attach("second")
	current := accept(second)
	if current.GetEpoch() <= old.GetEpoch() {
		t.Fatalf("the epoch went from %d to %d", old.GetEpoch(), current.GetEpoch())
	}
	report := func(reference *pb.AttemptReference, sequence uint64, by string) *pb.RecordedReport {
		succeeded := &pb.Succeeded{Outputs: map[string]*pb.Value{
			"by": {Kind: &pb.Value_StringValue{StringValue: by}},
		}}
		send(t, second, &pb.AttachRequest{Frame: &pb.AttachRequest_Report{Report: &pb.Report{
			Reports: []*pb.AttemptReport{{
				Attempt: reference, Sequence: sequence,
				Content: &pb.AttemptReport_Succeeded{Succeeded: succeeded},
			}},
		}}})
		return next(t, second, (*pb.AttachResponse).GetRecorded).GetReports()[0]
	}
	if refused := report(old, 1, "old"); refused.GetRefusal().GetReason() != pb.Reason_REASON_STALE_EPOCH {
		t.Errorf("the old epoch came to %v", refused)
	}
	if taken := report(current, 1, "current"); taken.GetRefusal() != nil {
		t.Errorf("the current epoch came to %v", taken)
	}
	result := must(signalbox.Result(must(client.WaitRun(ctx, run.GetRunId()))(t)))(t)
	if by := result.Get("by").String(); by != "current" {
		t.Errorf("it was done by %s", by)
	}
}

func send(t *testing.T, stream pb.WorkerService_AttachClient, frame *pb.AttachRequest) {
	t.Helper()
	if err := stream.Send(frame); err != nil {
		t.Fatal(err)
	}
}

// next is the next frame of a kind; others are passed over.
func next[F any](t *testing.T, stream pb.WorkerService_AttachClient, kind func(*pb.AttachResponse) *F) *F {
	t.Helper()
	for {
		response, err := stream.Recv()
		if err != nil {
			t.Fatal(err)
		}
		if frame := kind(response); frame != nil {
			return frame
		}
	}
}

func TestCallsWaitForAServerThatIsAway(t *testing.T) {
	server := ownServer(t)
	client, ctx := server.dial(t), within(t)
	run := must(client.CreateRun(ctx, signalbox.NewPlan().Condition("ok", signalbox.Bool)))(t)
	server.kill(syscall.SIGKILL)
	read := make(chan error, 1)
	go func() {
		_, err := client.GetRun(ctx, run.GetRunId())
		read <- err
	}()
	impatient := server.dial(t, signalbox.WithRetryFor(0))
	_, err := impatient.GetRun(ctx, run.GetRunId())
	var away *signalbox.UnavailableError
	if !errors.As(err, &away) || away.Tries != 1 {
		t.Errorf("one try came to %v", err)
	}
	short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	if _, err := client.GetRun(short, run.GetRunId()); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a context that ends comes to %v", err)
	}
	if err := server.start(); err != nil {
		t.Fatal(err)
	}
	if err := receive(t, read); err != nil {
		t.Errorf("the call that waited came to %v", err)
	}
}

func TestACallWhoseAnswerIsLostIsCarriedOutOnce(t *testing.T) {
	server := sharedServer(t)
	direct, ctx := server.dial(t), within(t)
	line := newProxy(t, server.address)
	client, err := signalbox.Dial(line.address, signalbox.WithNamespace(direct.Namespace()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	const count = 5
	for range count {
		// The line stands when the answer is lost.
		if _, err := client.GetRun(ctx, "no-such-run"); !errors.Is(err, signalbox.ReasonRunNotFound) {
			t.Fatal(err)
		}
		line.loseAnswer()
		must(client.CreateRun(ctx, signalbox.NewPlan().Condition("ok", signalbox.Bool)))(t)
	}
	if runs := collect(t, direct.ListRuns(ctx, nil)); len(runs) != count {
		t.Errorf("there are %d runs", len(runs))
	}
}
