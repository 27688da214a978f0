package signalbox_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	signalbox "github.com/signalbox/signalbox/clients/go"
)

func TestStepsAndChildrenAreDoneOnceOverAllAttempts(t *testing.T) {
	client := sharedServer(t).dial(t)
	var steps, children atomic.Int32
	type rendered struct {
		Text string `json:"text"`
	}
	work(t, client, options{}, func(worker *signalbox.Worker) {
		worker.Handle("double", func(_ context.Context, task task) (outputs, error) {
			children.Add(1)
			number, err := task.Input("number").Int()
			return outputs{"number": 2 * number}, err
		})
		worker.Handle("parent", func(ctx context.Context, task task) (outputs, error) {
			text, err := signalbox.Step(ctx, task, "render", func(context.Context) (rendered, error) {
				return rendered{fmt.Sprint("render ", steps.Add(1))}, nil
			})
			if err != nil {
				return nil, err
			}
			doubled, err := task.Child(ctx, "double", "double", inputs{"number": 21})
			if err != nil {
				return nil, err
			}
			if task.Attempt() == 1 {
				return nil, errors.New("once more")
			}
			return outputs{"text": text.Text, "number": doubled.Get("number")}, nil
		})
	})
	policy := signalbox.RetryPolicy{MaxAttempts: 2, InitialBackoff: signalbox.AtOnce}
	result := must(signalbox.Result(execute(t, client, "parent", nil, signalbox.Retry(policy))))(t)
	if got := fmt.Sprint(result.Get("text"), " ", result.Get("number")); got != "render 1 42" {
		t.Errorf("the outputs are %q", got)
	}
	if steps.Load() != 1 || children.Load() != 1 {
		t.Errorf("the step ran %d times, the child %d times", steps.Load(), children.Load())
	}
}

func TestAStepThatFailsIsDoneAgainByTheNextAttempt(t *testing.T) {
	client := sharedServer(t).dial(t)
	var calls atomic.Int32
	work(t, client, options{}, func(worker *signalbox.Worker) {
		worker.Handle("parent", func(ctx context.Context, task task) (outputs, error) {
			number, err := signalbox.Step(ctx, task, "once", func(context.Context) (int, error) {
				if calls.Add(1) == 1 {
					return 0, errors.New("not yet")
				}
				return 7, nil
			})
			if err != nil {
				return nil, err
			}
			if _, err := task.Step(ctx, "once", nil); err == nil {
				return nil, errors.New("a name was used twice")
			}
			return outputs{"number": number}, nil
		})
	})
	policy := signalbox.RetryPolicy{MaxAttempts: 2, InitialBackoff: signalbox.AtOnce}
	result := must(signalbox.Result(execute(t, client, "parent", nil, signalbox.Retry(policy))))(t)
	if value := result.Get("number").Any(); value != int64(7) || calls.Load() != 2 {
		t.Errorf("it put out %v after %d calls", value, calls.Load())
	}
}

func TestAParentThatWaitsLeavesItsPlaceToItsChildren(t *testing.T) {
	client := sharedServer(t).dial(t)
	work(t, client, options{Concurrency: 1}, func(worker *signalbox.Worker) {
		worker.Handle("leaf", func(_ context.Context, task task) (outputs, error) {
			return outputs{"name": task.Action()}, nil
		})
		worker.Handle("parent", func(ctx context.Context, task task) (outputs, error) {
			var started []*signalbox.StartedChild
			for index := range 3 {
				child, err := task.StartChild(ctx, fmt.Sprint("leaf", index), "leaf", nil)
				if err != nil {
					return nil, err
				}
				started = append(started, child)
			}
			names := ""
			for _, child := range started {
				result, err := child.Wait(ctx)
				if err != nil {
					return nil, err
				}
				names += result.Get("name").String() + " "
			}
			return outputs{"names": names}, nil
		})
	})
	result := must(signalbox.Result(execute(t, client, "parent", nil)))(t)
	if names := result.Get("names").String(); names != "main/leaf0 main/leaf1 main/leaf2 " {
		t.Errorf("the children were %q", names)
	}
}

func TestAChildThatFailsIsAnErrorWithItsCause(t *testing.T) {
	client := sharedServer(t).dial(t)
	work(t, client, options{}, func(worker *signalbox.Worker) {
		worker.Handle("bad", func(context.Context, task) (outputs, error) {
			return nil, signalbox.TypedError("OutOfStock", errors.New("none left"))
		})
		worker.Handle("parent", func(ctx context.Context, task task) (outputs, error) {
			_, err := task.Child(ctx, "bad", "bad", nil)
			var failed *signalbox.ChildFailedError
			if !errors.As(err, &failed) || failed.Child != "bad" || failed.Err.Type != "OutOfStock" {
				return nil, fmt.Errorf("the child came to %w", err)
			}
			return nil, err
		})
	})
	if got := execute(t, client, "parent", nil).GetError(); got.GetType() != "ChildFailed" {
		t.Errorf("the error is %v", got)
	}
}

func TestAChildOfAnotherKindUnderATakenNameIsRefused(t *testing.T) {
	client := sharedServer(t).dial(t)
	work(t, client, options{}, func(worker *signalbox.Worker) {
		worker.Handle("leaf", func(context.Context, task) (outputs, error) { return nil, nil })
		worker.Handle("parent", func(ctx context.Context, task task) (outputs, error) {
			if _, err := task.Child(ctx, "one", "leaf", nil); err != nil {
				return nil, err
			}
			_, err := task.Condition(ctx, "one", signalbox.Bool)
			if !errors.Is(err, signalbox.ReasonActionExists) {
				return nil, fmt.Errorf("it came to %w", err)
			}
			return nil, nil
		})
	})
	if run := execute(t, client, "parent", nil); run.GetState() != signalbox.RunSucceeded {
		t.Errorf("it ended with %v", run.GetError())
	}
}
