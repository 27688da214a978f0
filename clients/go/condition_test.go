package signalbox_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	signalbox "github.com/signalbox/signalbox/clients/go"
)

// firstOpen waits until a condition of the run is open, and returns it.
func firstOpen(t *testing.T, client *signalbox.Client, runID string) *signalbox.Condition {
	t.Helper()
	for frame, err := range client.WatchConditions(within(t), &signalbox.ConditionFilter{RunId: runID}) {
		if err != nil {
			t.Fatal(err)
		}
		for _, condition := range frame.GetConditions() {
			if condition.GetOutcome() == 0 && condition.GetPauseTime() != nil {
				return condition
			}
		}
	}
	t.Fatal("the watch ended")
	return nil
}

func TestATaskIsHeldAtAConditionUntilAnotherClientSignals(t *testing.T) {
	server := sharedServer(t)
	client, ctx := server.dial(t), within(t)
	other := server.dial(t, signalbox.WithNamespace(client.Namespace()))
	work(t, client, options{}, func(worker *signalbox.Worker) {
		worker.Handle("publish", func(ctx context.Context, task task) (outputs, error) {
			answer, err := task.Condition(ctx, "approve", signalbox.Bool, signalbox.Prompt("Publish?"))
			if err != nil {
				return nil, err
			}
			approved, err := answer.Bool()
			return outputs{"approved": approved}, err
		})
	})
	run := must(client.CreateRun(ctx, signalbox.TaskOf("publish", nil)))(t)
	condition := firstOpen(t, other, run.GetRunId())
	if condition.GetName() != "main/approve" || condition.GetSpec().GetPrompt() != "Publish?" {
		t.Errorf("the condition is %v", condition)
	}
	inbox := collect(t, other.ListConditions(ctx, nil))
	if len(inbox) != 1 || inbox[0].GetRunId() != run.GetRunId() {
		t.Errorf("the inbox is %v", inbox)
	}
	signalled := must(other.Signal(ctx, run.GetRunId(), "main/approve", true, signalbox.By("Grace")))(t)
	if signalled.Kept || signalled.Repeated || signalled.Condition.GetSignalledBy() != "Grace" {
		t.Errorf("the signal came to %+v", signalled)
	}
	again := must(other.Signal(ctx, run.GetRunId(), "main/approve", true))(t)
	if !again.Repeated {
		t.Errorf("the same signal again came to %+v", again)
	}
	_, err := other.Signal(ctx, run.GetRunId(), "main/approve", false)
	if !errors.Is(err, signalbox.ReasonAlreadyAnswered) && !errors.Is(err, signalbox.ReasonRunEnded) {
		t.Errorf("another answer came to %v", err)
	}
	result := must(signalbox.Result(must(client.WaitRun(ctx, run.GetRunId()))(t)))(t)
	if approved := must(result.Get("approved").Bool())(t); !approved {
		t.Error("it was not approved")
	}
	read := must(client.GetCondition(ctx, run.GetRunId(), "main/approve"))(t)
	if !read.GetAnswer().GetBoolValue() {
		t.Errorf("the condition has %v", read.GetAnswer())
	}
}

func TestAnswersOfEveryTypeComeToTheTask(t *testing.T) {
	rows := map[string]struct {
		valueType signalbox.ValueType
		answer    any
		want      any
	}{
		"bool":           {signalbox.Bool, false, false},
		"int":            {signalbox.Int, 1<<62 + 1, int64(1<<62 + 1)},
		"float":          {signalbox.Float, 1.5, 1.5},
		"int as a float": {signalbox.Float, 2, 2.0},
		"string":         {signalbox.String, "yes", "yes"},
		"JSON":           {signalbox.JSON, map[string]any{"a": []int{1}}, map[string]any{"a": []any{1.0}}},
		"JSON scalar":    {signalbox.JSON, signalbox.AsJSON{Of: true}, true},
	}
	client, ctx := sharedServer(t).dial(t), within(t)
	got := make(chan any, 1)
	work(t, client, options{}, func(worker *signalbox.Worker) {
		worker.Handle("ask", func(ctx context.Context, task task) (outputs, error) {
			answer, err := task.Condition(ctx, "it", rows[task.Input("row").String()].valueType)
			got <- answer.Any()
			return nil, err
		})
	})
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			run := must(client.CreateRun(ctx, signalbox.TaskOf("ask", inputs{"row": name})))(t)
			// Before the condition is there or after: it comes to the same.
			must(client.Signal(ctx, run.GetRunId(), "main/it", row.answer))(t)
			if answer := receive(t, got); fmt.Sprintf("%T %v", answer, answer) != fmt.Sprintf("%T %v", row.want, row.want) {
				t.Errorf("the answer is %T %v", answer, answer)
			}
		})
	}
}

func TestAConditionThatEndsWithoutAnAnswerIsAnErrorOrItsDefault(t *testing.T) {
	client := sharedServer(t).dial(t)
	work(t, client, options{}, func(worker *signalbox.Worker) {
		worker.Handle("ask", func(ctx context.Context, task task) (outputs, error) {
			withDefault, err := task.Condition(ctx, "first", signalbox.Float,
				signalbox.Timeout(time.Millisecond), signalbox.Default(3))
			if err != nil {
				return nil, err
			}
			_, err = task.Condition(ctx, "second", signalbox.Bool, signalbox.Timeout(time.Millisecond))
			var ended *signalbox.ConditionEndedError
			if !errors.As(err, &ended) || ended.Condition != "second" || ended.State != signalbox.ActionTimedOut {
				return nil, fmt.Errorf("the second came to %w", err)
			}
			return outputs{"default": withDefault.Any()}, nil
		})
	})
	result := must(signalbox.Result(execute(t, client, "ask", nil)))(t)
	if value := result.Get("default").Any(); value != 3.0 {
		t.Errorf("the default is %v", value)
	}
}

func TestAWrongSignalIsRefusedWithItsFacts(t *testing.T) {
	client, ctx := sharedServer(t).dial(t), within(t)
	plan := signalbox.NewPlan().Condition("ok", signalbox.Bool)
	run := must(client.CreateRun(ctx, plan))(t)
	_, err := client.Signal(ctx, run.GetRunId(), "ok", "yes")
	var refused *signalbox.RefusedError
	if !errors.As(err, &refused) || refused.Reason != signalbox.ReasonSignalTypeMismatch ||
		refused.Facts["expected"] == "" || refused.Message == "" {
		t.Errorf("it came to %v", err)
	}
	must(client.Signal(ctx, run.GetRunId(), "ok", true))(t)
	if ended := must(client.WaitRun(ctx, run.GetRunId()))(t); ended.GetState() != signalbox.RunSucceeded {
		t.Errorf("the run ended %s", ended.GetState())
	}
}
