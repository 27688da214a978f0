package signalbox_test

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"

	signalbox "github.com/signalbox/signalbox/clients/go"
)

func TestARerunRecoversWhatSucceededAndAsksAgainWhereItIsToldTo(t *testing.T) {
	client, ctx := sharedServer(t).dial(t), within(t)
	plan := signalbox.NewPlan().
		Condition("a", signalbox.Bool).Condition("b", signalbox.Bool).Condition("c", signalbox.Bool)
	first := must(client.CreateRun(ctx, plan))(t)
	if _, err := client.RerunRun(ctx, first.GetRunId(), signalbox.Rerun{}); !errors.Is(err, signalbox.ReasonRunNotEnded) {
		t.Errorf("a rerun of a run that has not ended came to %v", err)
	}
	for _, name := range []string{"a", "b", "c"} {
		must(client.Signal(ctx, first.GetRunId(), name, true, signalbox.By("Grace")))(t)
	}
	priority, id := int32(5), uniqueName("again")
	again := must(client.RerunRun(ctx, first.GetRunId(),
		signalbox.Rerun{NewRunID: id, Labels: map[string]string{"try": "2"}, Priority: &priority},
		signalbox.Replay(signalbox.ReplayReuse),
		signalbox.ReplayCondition("b", signalbox.ReplayAskAgain),
		signalbox.ReplayCondition("c", signalbox.ReplayRequireBoth)))(t)
	if again.RecoveredCount != 1 || again.Run.GetRunId() != id || again.Run.GetRerunOf() != first.GetRunId() ||
		again.Run.GetPriority() != 5 || again.Run.GetLabels()["try"] != "2" {
		t.Errorf("the rerun is %+v", again)
	}
	recovered := must(client.GetAction(ctx, id, "a"))(t)
	if recovered.GetState() != signalbox.ActionRecovered || recovered.GetRecoveredFrom() != first.GetRunId() ||
		recovered.GetCondition().GetSignalledBy() != "Grace" {
		t.Errorf("what was answered is %v", recovered)
	}
	asked := must(client.GetCondition(ctx, id, "b"))(t)
	if earlier := asked.GetEarlierAnswers(); len(earlier) != 1 || earlier[0].GetRunId() != first.GetRunId() {
		t.Errorf("the earlier answers are %v", earlier)
	}
	must(client.Signal(ctx, id, "b", false))(t)
	must(client.Signal(ctx, id, "c", false))(t)
	ended := must(client.WaitRun(ctx, id))(t)
	if ended.GetState() != signalbox.RunFailed || ended.GetError().GetType() != "AnswersDiffer" {
		t.Errorf("the run ended %v", ended)
	}
}

func TestATaskThatIsDoneOverFindsTheChildrenThatItHad(t *testing.T) {
	client, ctx := sharedServer(t).dial(t), within(t)
	var children, steps, tries atomic.Int32
	work(t, client, options{}, func(worker *signalbox.Worker) {
		worker.Handle("parent", func(ctx context.Context, task task) (outputs, error) {
			answer, err := task.Condition(ctx, "ask", signalbox.Int)
			if err != nil {
				return nil, err
			}
			child, err := task.Child(ctx, "child", "child", nil)
			if err != nil {
				return nil, err
			}
			step, err := signalbox.Step(ctx, task, "step", func(context.Context) (int32, error) {
				return steps.Add(1), nil
			})
			if err == nil && tries.Add(1) == 1 {
				err = errors.New("once")
			}
			return outputs{"answer": answer.Any(), "child": child.Get("n").Any(), "step": step}, err
		})
		worker.Handle("child", func(context.Context, task) (outputs, error) {
			return outputs{"n": children.Add(1)}, nil
		})
	})
	first := must(client.CreateRun(ctx, signalbox.TaskOf("parent", nil)))(t)
	must(client.Signal(ctx, first.GetRunId(), "main/ask", 7))(t)
	if ended := must(client.WaitRun(ctx, first.GetRunId()))(t); ended.GetState() != signalbox.RunFailed {
		t.Fatalf("the first run ended %v", ended)
	}
	again := must(client.RerunRun(ctx, first.GetRunId(), signalbox.Rerun{}))(t)
	result := must(signalbox.Result(must(client.WaitRun(ctx, again.Run.GetRunId()))(t)))(t)
	if result.Get("answer").Any() != int64(7) || children.Load() != 1 || steps.Load() != 1 {
		t.Errorf("it came to %v after %d children and %d steps", result, children.Load(), steps.Load())
	}
	var recovered []string
	for _, action := range collect(t, client.ListActions(ctx, again.Run.GetRunId())) {
		if action.GetState() == signalbox.ActionRecovered {
			recovered = append(recovered, action.GetName())
		}
	}
	if !slices.Equal(recovered, []string{"main/ask", "main/child", "main/step"}) {
		t.Errorf("recovered were %v", recovered)
	}
}

func TestARetryOfEverythingAsksAgainUnlessAnswersAreReused(t *testing.T) {
	client, ctx := sharedServer(t).dial(t), within(t)
	run := must(client.CreateRun(ctx,
		signalbox.NewPlan().Condition("a", signalbox.Bool).Condition("b", signalbox.Bool)))(t)
	for _, name := range []string{"a", "b"} {
		must(client.Signal(ctx, run.GetRunId(), name, true))(t)
	}
	must(client.RetryRun(ctx, run.GetRunId(), signalbox.Everything(),
		signalbox.ReplayCondition("a", signalbox.ReplayReuse)))(t)
	asked := firstOpen(t, client, run.GetRunId())
	if asked.GetName() != "b" || asked.GetInstance() != 2 {
		t.Errorf("it asks %v", asked)
	}
	_, err := client.Signal(ctx, run.GetRunId(), "b", true, signalbox.Instance(1))
	if !errors.Is(err, signalbox.ReasonInstanceChanged) {
		t.Errorf("an answer to the opening of before came to %v", err)
	}
	must(client.Signal(ctx, run.GetRunId(), "b", true, signalbox.Instance(2)))(t)
	if ended := must(client.WaitRun(ctx, run.GetRunId()))(t); ended.GetState() != signalbox.RunSucceeded {
		t.Errorf("the run ended %s", ended.GetState())
	}
}
