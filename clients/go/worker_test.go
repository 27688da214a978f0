package signalbox_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	signalbox "github.com/signalbox/signalbox/clients/go"
)

type (
	task    = *signalbox.Task
	inputs  = signalbox.Inputs
	outputs = signalbox.Outputs
	options = signalbox.WorkerOptions
)

// execute runs one task of an op to its end.
func execute(
	t *testing.T, client *signalbox.Client, op string, in any, how ...signalbox.ActionOption,
) *signalbox.Run {
	t.Helper()
	ctx := within(t)
	run := must(client.CreateRun(ctx, signalbox.TaskOf(op, in, how...)))(t)
	return must(client.WaitRun(ctx, run.GetRunId()))(t)
}

func TestAnOpRunsAndItsOutputsAreTheRuns(t *testing.T) {
	client := sharedServer(t).dial(t)
	work(t, client, options{}, func(worker *signalbox.Worker) {
		worker.Handle("greet", func(_ context.Context, task task) (outputs, error) {
			name, err := task.Input("name").Text()
			return outputs{"greeting": "hello " + name, "length": len(name)}, err
		})
	})
	result := must(signalbox.Result(execute(t, client, "greet", inputs{"name": "Ada"})))(t)
	if greeting := result.Get("greeting").String(); greeting != "hello Ada" {
		t.Errorf("the greeting is %q", greeting)
	}
	if length := must(result.Get("length").Int())(t); length != 3 {
		t.Errorf("the length is %d", length)
	}
}

func TestTypedInputsAndOutputsGoByTheirJSONNames(t *testing.T) {
	type order struct {
		Items   []string `json:"items"`
		Express bool     `json:"express"`
		Blob    []byte   `json:"blob"`
		Number  int64    `json:"number"`
	}
	type receipt struct {
		Count  int     `json:"count"`
		Total  float64 `json:"total"`
		Blob   []byte  `json:"blob"`
		Number int64   `json:"number"`
		Note   string  `json:"note,omitempty"`
	}
	client := sharedServer(t).dial(t)
	work(t, client, options{}, func(worker *signalbox.Worker) {
		signalbox.HandleFunc(worker, "order", func(_ context.Context, _ task, in order) (receipt, error) {
			return receipt{Count: len(in.Items), Total: 2, Blob: in.Blob, Number: in.Number}, nil
		})
		signalbox.HandleFunc(worker, "count", func(_ context.Context, _ task, in order) (int, error) {
			return len(in.Items), nil
		})
		signalbox.HandleFunc(worker, "nothing", func(context.Context, task, struct{}) (struct{}, error) {
			return struct{}{}, nil
		})
	})
	// A whole number that JSON would not keep exactly.
	const large = 1<<62 + 1
	in := order{Items: []string{"a", "b"}, Express: true, Blob: []byte{0, 255}, Number: large}
	result := must(signalbox.Result(execute(t, client, "order", in)))(t)
	if result.Has("note") || result.Len() != 4 {
		t.Errorf("the outputs are %v", result.Any())
	}
	var out receipt
	if err := result.Decode(&out); err != nil {
		t.Fatal(err)
	}
	if out.Count != 2 || out.Total != 2 || string(out.Blob) != "\x00\xff" || out.Number != large {
		t.Errorf("the receipt is %+v", out)
	}
	if _, err := result.Get("total").Int(); err == nil {
		t.Error("a float has become an int")
	}
	counted := must(signalbox.Result(execute(t, client, "count", in)))(t)
	if value := counted.Get("value").Any(); value != int64(2) {
		t.Errorf("the value is %v", value)
	}
	if nothing := must(signalbox.Result(execute(t, client, "nothing", nil)))(t); nothing.Len() != 0 {
		t.Errorf("nothing is %v", nothing.Any())
	}
	unfit := execute(t, client, "count", inputs{"items": "no list"}, signalbox.Retry(signalbox.RetryPolicy{
		MaxAttempts: 5, InitialBackoff: signalbox.AtOnce,
	}))
	if failed := unfit.GetError(); failed.GetType() != "InputInvalid" || !failed.GetNonRetryable() {
		t.Errorf("the error is %v", failed)
	}
}

// failure is an error with a type of its own.
type failure struct{}

func (failure) Error() string { return "it was not to be" }

func TestErrorsKeepTheirTypesAndMessages(t *testing.T) {
	_, missing := os.Open("/no/such/file")
	rows := map[string]struct {
		err       error
		wantType  string
		wantText  string
		wantFinal bool
	}{
		"plain":     {errors.New("plain words"), "Error", "plain words", false},
		"wrapped":   {fmt.Errorf("while opening: %w", missing), "PathError", "while opening", false},
		"typed":     {signalbox.TypedError("OutOfStock", errors.New("none left")), "OutOfStock", "none left", false},
		"final":     {signalbox.NonRetryable(errors.New("never")), "Error", "never", true},
		"typedlast": {signalbox.NonRetryable(signalbox.TypedError("Bad", errors.New("x"))), "Bad", "x", true},
		"handedon":  {&signalbox.ActionError{Type: "Remote", Message: "far"}, "Remote", "far", false},
		"silent":    {signalbox.TypedError("Silent", errors.New("")), "Silent", "Silent", false},
		"unnamed":   {failure{}, "Error", "it was not to be", false},
	}
	client := sharedServer(t).dial(t)
	work(t, client, options{}, func(worker *signalbox.Worker) {
		worker.Handle("fail", func(_ context.Context, task task) (outputs, error) {
			return nil, rows[task.Input("row").String()].err
		})
	})
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			run := execute(t, client, "fail", inputs{"row": name})
			got := run.GetError()
			if run.GetState() != signalbox.RunFailed || got.GetType() != row.wantType ||
				!strings.Contains(got.GetMessage(), row.wantText) || got.GetNonRetryable() != row.wantFinal {
				t.Errorf("it ended %s with %v", run.GetState(), got)
			}
			_, err := signalbox.Result(run)
			var failed *signalbox.RunFailedError
			var cause *signalbox.ActionError
			if !errors.As(err, &failed) || !errors.As(err, &cause) || cause.Type != row.wantType {
				t.Errorf("the result is %v", err)
			}
		})
	}
}

func TestAPanicFailsTheAttemptAndNotTheWorker(t *testing.T) {
	client := sharedServer(t).dial(t)
	work(t, client, options{}, func(worker *signalbox.Worker) {
		worker.Handle("panic", func(context.Context, task) (outputs, error) { panic("at the disco") })
		worker.Handle("calm", func(context.Context, task) (outputs, error) { return nil, nil })
	})
	got := execute(t, client, "panic", nil).GetError()
	if got.GetType() != "Panic" || got.GetMessage() != "at the disco" ||
		!strings.Contains(got.GetStack(), "worker_test.go") {
		t.Errorf("the error is %v", got)
	}
	if run := execute(t, client, "calm", nil); run.GetState() != signalbox.RunSucceeded {
		t.Errorf("the next one ended %s", run.GetState())
	}
}

func TestOutputsThatNothingCanHoldFailForGood(t *testing.T) {
	rows := map[string]struct {
		output   any
		wantType string
	}{
		"too large":         {strings.Repeat("x", 1<<20+1), "OutputTooLarge"},
		"no value":          {make(chan int), "OutputInvalid"},
		"not exact in JSON": {map[string]int64{"number": 1<<60 + 1}, "OutputInvalid"},
		"not UTF-8":         {"\xff", "OutputInvalid"},
	}
	client := sharedServer(t).dial(t)
	work(t, client, options{}, func(worker *signalbox.Worker) {
		worker.Handle("put", func(_ context.Context, task task) (outputs, error) {
			return outputs{"it": rows[task.Input("row").String()].output}, nil
		})
	})
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			run := execute(t, client, "put", inputs{"row": name}, signalbox.Retry(signalbox.RetryPolicy{MaxAttempts: 3}))
			if got := run.GetError(); got.GetType() != row.wantType || !got.GetNonRetryable() {
				t.Errorf("the error is %v", got)
			}
		})
	}
}

func TestAFailedAttemptIsRetriedAsThePolicySays(t *testing.T) {
	client := sharedServer(t).dial(t)
	work(t, client, options{}, func(worker *signalbox.Worker) {
		worker.Handle("third", func(_ context.Context, task task) (outputs, error) {
			if task.Attempt() < 3 {
				return nil, fmt.Errorf("attempt %d", task.Attempt())
			}
			return outputs{"attempt": task.Attempt()}, nil
		})
	})
	policy := signalbox.RetryPolicy{MaxAttempts: 5, InitialBackoff: signalbox.AtOnce}
	run := execute(t, client, "third", nil, signalbox.Retry(policy))
	result := must(signalbox.Result(run))(t)
	if attempt := must(result.Get("attempt").Int())(t); attempt != 3 {
		t.Errorf("it succeeded at attempt %d", attempt)
	}
	attempts := must(client.ListAttempts(within(t), run.GetRunId(), "main"))(t)
	if len(attempts) != 3 || attempts[0].GetError().GetMessage() != "attempt 1" {
		t.Errorf("the attempts are %v", attempts)
	}
	policy.NonRetryableErrorTypes = []string{"Error"}
	if run := execute(t, client, "third", nil, signalbox.Retry(policy)); run.GetState() != signalbox.RunFailed {
		t.Errorf("a type that is not to be retried ended %s", run.GetState())
	}
}

func TestACancelEndsTheContextWithItsCause(t *testing.T) {
	client, ctx := sharedServer(t).dial(t), within(t)
	started, causes := make(chan struct{}, 1), make(chan error, 1)
	work(t, client, options{}, func(worker *signalbox.Worker) {
		worker.Handle("wait", func(ctx context.Context, _ task) (outputs, error) {
			started <- struct{}{}
			<-ctx.Done()
			causes <- context.Cause(ctx)
			return nil, fmt.Errorf("stopped: %w", ctx.Err())
		})
	})
	run := must(client.CreateRun(ctx, signalbox.TaskOf("wait", nil, signalbox.CancelGrace(40*time.Second))))(t)
	receive(t, started)
	must(client.CancelRun(ctx, run.GetRunId(), signalbox.Because("the boss said so")))(t)
	var cancelled *signalbox.CancelledError
	cause := receive(t, causes)
	if !errors.As(cause, &cancelled) || !errors.Is(cause, signalbox.ErrCancelled) ||
		cancelled.Cause != "the boss said so" || cancelled.Grace != 40*time.Second {
		t.Errorf("the cause is %v", cause)
	}
	if run := must(client.WaitRun(ctx, run.GetRunId()))(t); run.GetState() != signalbox.RunCancelled {
		t.Errorf("the run ended %s", run.GetState())
	}
}

func TestAnAttemptThatOutlivesItsGraceIsLost(t *testing.T) {
	client, ctx := sharedServer(t).dial(t), within(t)
	started, causes, goOn := make(chan struct{}, 1), make(chan error, 2), make(chan struct{})
	work(t, client, options{}, func(worker *signalbox.Worker) {
		worker.Handle("stubborn", func(ctx context.Context, task task) (outputs, error) {
			started <- struct{}{}
			<-goOn
			causes <- task.Event(context.Background(), signalbox.NewEvent{Type: "late"})
			return outputs{"late": true}, nil
		})
	})
	run := must(client.CreateRun(ctx, signalbox.TaskOf("stubborn", nil, signalbox.CancelGrace(0))))(t)
	receive(t, started)
	must(client.CancelRun(ctx, run.GetRunId()))(t)
	ended := must(client.WaitRun(ctx, run.GetRunId()))(t)
	if ended.GetState() != signalbox.RunCancelled {
		t.Errorf("the run ended %s", ended.GetState())
	}
	close(goOn)
	if err := receive(t, causes); !errors.Is(err, signalbox.ErrLost) {
		t.Errorf("what it said late came to %v", err)
	}
	if again := must(client.GetRun(ctx, run.GetRunId()))(t); len(again.GetOutputs()) != 0 {
		t.Errorf("what it put out late is %v", again.GetOutputs())
	}
}

func TestWhatATaskSaysIsInTheFeed(t *testing.T) {
	client, ctx := sharedServer(t).dial(t), within(t)
	work(t, client, options{}, func(worker *signalbox.Worker) {
		worker.Handle("talk", func(ctx context.Context, task task) (outputs, error) {
			task.Progress(40, "almost half")
			task.Log("a line")
			log := task.Logger().With("part", 1).WithGroup("in")
			log.Warn("careful", "at", "door")
			task.Heartbeat()
			return nil, task.Event(ctx, signalbox.NewEvent{
				Type: "checked", Attributes: map[string]string{"by": "go"}, Payload: map[string]any{"ok": true},
			})
		})
	})
	run := must(client.CreateRun(ctx, signalbox.TaskOf("talk", nil)))(t)
	must(client.WaitRun(ctx, run.GetRunId()))(t)
	var progress, lines, published []string
	for _, event := range collect(t, client.ListEvents(ctx, &signalbox.EventFilter{RunId: run.GetRunId()})) {
		if said := event.GetActionProgressed(); said != nil {
			progress = append(progress, fmt.Sprint(said.GetPercent(), " ", said.GetMessage()))
		}
		if line := event.GetActionLogged(); line != nil {
			lines = append(lines, line.GetLevel().String()+" "+line.GetMessage())
		}
		if own := event.GetPublished(); own != nil {
			published = append(published, fmt.Sprint(own.GetSource(), " ", own.GetType(), " ",
				own.GetAttributes()["by"], " ", own.GetPayload().AsInterface()))
		}
	}
	if fmt.Sprint(progress) != "[40 almost half]" {
		t.Errorf("progress is %v", progress)
	}
	if fmt.Sprint(lines) != "[LOG_LEVEL_INFO a line LOG_LEVEL_WARN careful part=1 in.at=door]" {
		t.Errorf("the lines are %v", lines)
	}
	if fmt.Sprint(published) != "[talk checked go map[ok:true]]" {
		t.Errorf("the events are %v", published)
	}
}

func TestWhatBreaksABoundIsAnErrorOfTheTaskAndNotTheEndOfTheWorker(t *testing.T) {
	client := sharedServer(t).dial(t)
	work(t, client, options{}, func(worker *signalbox.Worker) {
		worker.Handle("bounds", func(ctx context.Context, task task) (outputs, error) {
			_, badChild := task.Child(ctx, "a/b", "op", nil)
			_, badType := task.Condition(ctx, "ask", 0)
			_, badOption := task.Condition(ctx, "ask", signalbox.Bool, signalbox.Image("x"))
			badEvent := task.Event(ctx, signalbox.NewEvent{Type: ""})
			largeEvent := task.Event(ctx, signalbox.NewEvent{Type: "x", Payload: strings.Repeat("x", 2<<20)})
			for name, err := range map[string]error{
				"child": badChild, "type": badType, "option": badOption, "event": badEvent, "large": largeEvent,
			} {
				if err == nil {
					return nil, fmt.Errorf("%s is taken", name)
				}
			}
			return nil, nil
		})
	})
	if run := execute(t, client, "bounds", nil); run.GetState() != signalbox.RunSucceeded {
		t.Errorf("it ended with %v", run.GetError())
	}
}
