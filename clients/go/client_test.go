package signalbox_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	signalbox "github.com/signalbox/signalbox/clients/go"
	pb "github.com/signalbox/signalbox/clients/go/gen/signalbox/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func TestARefusalIsAnErrorWithReasonFactsAndViolations(t *testing.T) {
	client, ctx := sharedServer(t).dial(t), within(t)
	_, err := client.GetRun(ctx, "no-such-run")
	var refused *signalbox.RefusedError
	if !errors.Is(err, signalbox.ReasonRunNotFound) || errors.Is(err, signalbox.ReasonRunEnded) ||
		!errors.As(err, &refused) || refused.Facts["run_id"] != "no-such-run" ||
		refused.Code != codes.NotFound || status.Code(err) != codes.NotFound {
		t.Errorf("it came to %v", err)
	}
	plan := signalbox.NewPlan().Task("a", "bad op", nil, signalbox.After("nobody")).
		Condition("b", 0).Task("c d", "op", nil)
	_, err = client.CreateRun(ctx, plan)
	if !errors.As(err, &refused) || refused.Reason != signalbox.ReasonInvalidRequest || len(refused.Violations) < 3 {
		t.Errorf("three mistakes came to %v", err)
	}
}

func TestARequestIDIsCarriedOutOnce(t *testing.T) {
	client, ctx := sharedServer(t).dial(t), within(t)
	create := func(op string) (*signalbox.Run, error) {
		return client.CreateRun(ctx, signalbox.TaskOf(op, nil), signalbox.RequestID("the-one"))
	}
	first, second := must(create("op"))(t), must(create("op"))(t)
	if first.GetRunId() != second.GetRunId() {
		t.Error("the same request made two runs")
	}
	if _, err := create("other"); !errors.Is(err, signalbox.ReasonRequestIDReused) {
		t.Errorf("other content came to %v", err)
	}
}

func TestOptionsOfARunAreKept(t *testing.T) {
	client, ctx := sharedServer(t).dial(t), within(t)
	labels := map[string]string{"team": "blue"}
	run := must(client.CreateRun(ctx, signalbox.TaskOf("op", nil), signalbox.RunID("mine"),
		signalbox.RunLabels(labels), signalbox.Priority(7), signalbox.RunTimeout(deadline),
		signalbox.DeliverTo("topic", map[string]string{"a": "b"})))(t)
	if run.GetRunId() != "mine" || run.GetPriority() != 7 || run.GetLabels()["team"] != "blue" ||
		run.GetDeadlineTime() == nil || run.GetDelivery().GetTopic() != "topic" {
		t.Errorf("the run is %v", run)
	}
	priority := int32(9)
	change := signalbox.RunChange{
		Priority: &priority, SetLabels: map[string]string{"x": "y"}, RemoveLabels: []string{"team"},
	}
	run = must(client.UpdateRun(ctx, "mine", change))(t)
	if run.GetPriority() != 9 || fmt.Sprint(run.GetLabels()) != "map[x:y]" {
		t.Errorf("the changed run is %v", run)
	}
	for name, work := range map[string]signalbox.Work{
		"a dependency": signalbox.TaskOf("op", nil, signalbox.After("x")),
		"labels":       signalbox.TaskOf("op", nil, signalbox.Labels(labels)),
		"a prompt":     signalbox.TaskOf("op", nil, signalbox.Prompt("?")),
		"no names":     signalbox.TaskOf("op", 5),
		"no value":     signalbox.NewPlan().Task("a", "op", inputs{"x": func() {}}),
	} {
		if _, err := client.CreateRun(ctx, work); err == nil {
			t.Errorf("a single task with %s is taken", name)
		}
	}
}

func TestListsYieldEverythingOnAllPages(t *testing.T) {
	client, ctx := sharedServer(t).dial(t), within(t)
	var created []string
	for range 5 {
		run := must(client.CreateRun(ctx, signalbox.TaskOf("op", nil)))(t)
		created = append([]string{run.GetRunId()}, created...)
	}
	var listed []string
	for _, run := range collect(t, client.ListRuns(ctx, nil, signalbox.PageSize(2))) {
		listed = append(listed, run.GetRunId())
	}
	if !slices.Equal(listed, created) {
		t.Errorf("listed are %v, created were %v", listed, created)
	}
	for run, err := range client.ListRuns(ctx, &signalbox.RunFilter{Op: "op"}, signalbox.PageSize(1)) {
		if err != nil || run.GetRunId() != created[0] {
			t.Errorf("the first is %v, %v", run, err)
		}
		break
	}
	other := client.ListRuns(ctx, nil, signalbox.InNamespace(uniqueName("empty")))
	if runs := collect(t, other); len(runs) != 0 {
		t.Errorf("another namespace has %v", runs)
	}
	for _, err := range client.ListRuns(ctx, nil, signalbox.PageSize(-1)) {
		if !errors.Is(err, signalbox.ReasonInvalidRequest) {
			t.Errorf("a page of -1 came to %v", err)
		}
	}
}

func TestManyRunsAreCreatedInOneCall(t *testing.T) {
	client, ctx := sharedServer(t).dial(t), within(t)
	created := must(client.CreateRuns(ctx, []signalbox.NewRun{
		{Work: signalbox.TaskOf("op", nil), Options: []signalbox.RunOption{signalbox.RunID("a")}},
		{Work: signalbox.TaskOf("op", inputs{"x": 1}), Options: []signalbox.RunOption{signalbox.RunID("a")}},
		{Work: signalbox.TaskOf("op", nil), Options: []signalbox.RunOption{signalbox.RunID("b")}},
	}))(t)
	if len(created) != 3 || created[0].Err != nil || created[2].Run.GetRunId() != "b" ||
		!errors.Is(created[1].Err, signalbox.ReasonRunExists) {
		t.Errorf("what was created is %v", created)
	}
}

func TestAPlanHandsOutputsOnAndSkipsWhatItsGuardsRefuse(t *testing.T) {
	client, ctx := sharedServer(t).dial(t), within(t)
	work(t, client, options{}, func(worker *signalbox.Worker) {
		worker.Handle("build", func(context.Context, task) (outputs, error) {
			return outputs{"path": "a.tar"}, nil
		})
		worker.Handle("deploy", func(_ context.Context, task task) (outputs, error) {
			return outputs{"deployed": task.Input("artifact").String()}, nil
		})
	})
	artifact := inputs{"artifact": signalbox.OutputOf("build", "path")}
	plan := signalbox.NewPlan().
		Task("build", "build", nil).
		Condition("approve", signalbox.Bool, signalbox.After("build"), signalbox.Labels(map[string]string{"a": "b"})).
		Task("deploy", "deploy", artifact, signalbox.OnlyIf("approve", true)).
		Task("discard", "deploy", artifact, signalbox.OnlyIf("approve", false)).
		Task("always", "build", nil, signalbox.AfterEnded("discard"))
	run := must(client.CreateRun(ctx, plan))(t)
	must(client.Signal(ctx, run.GetRunId(), "approve", true))(t)
	if ended := must(client.WaitRun(ctx, run.GetRunId()))(t); ended.GetState() != signalbox.RunSucceeded {
		t.Fatalf("the run ended %s: %v", ended.GetState(), ended.GetError())
	}
	states := map[string]string{}
	for _, action := range collect(t, client.ListActions(ctx, run.GetRunId(), signalbox.PageSize(2))) {
		states[action.GetName()] = action.GetState().String()[len("STATE_"):]
	}
	want := map[string]string{
		"build": "SUCCEEDED", "approve": "SUCCEEDED", "deploy": "SUCCEEDED",
		"discard": "SKIPPED", "always": "SUCCEEDED",
	}
	if !maps.Equal(states, want) {
		t.Errorf("the states are %v", states)
	}
	deployed := must(client.GetAction(ctx, run.GetRunId(), "deploy"))(t)
	if path := signalbox.ValuesOf(deployed.GetOutputs()).Get("deployed").String(); path != "a.tar" {
		t.Errorf("deployed is %s", path)
	}
	skipped := client.ListActions(ctx, run.GetRunId(), signalbox.InStates(signalbox.ActionSkipped))
	if actions := collect(t, skipped); len(actions) != 1 {
		t.Errorf("skipped are %v", actions)
	}
}

func TestAnEndedRunIsRetriedAndExplained(t *testing.T) {
	client, ctx := sharedServer(t).dial(t), within(t)
	run := must(client.CreateRun(ctx, signalbox.TaskOf("flaky", nil)))(t)
	explained := must(client.Explain(ctx, run.GetRunId(), "main"))(t)
	if explained.GetCause() != pb.ExplainActionResponse_CAUSE_NO_WORKER || explained.GetMessage() == "" {
		t.Errorf("the explanation is %v", explained)
	}
	if _, err := client.RetryRun(ctx, run.GetRunId()); !errors.Is(err, signalbox.ReasonRunNotEnded) {
		t.Errorf("a retry of a live run came to %v", err)
	}
	work(t, client, options{}, func(worker *signalbox.Worker) {
		worker.Handle("flaky", func(_ context.Context, task task) (outputs, error) {
			if task.Attempt() == 1 {
				return nil, errors.New("not at first")
			}
			return outputs{"attempt": task.Attempt()}, nil
		})
	})
	if ended := must(client.WaitRun(ctx, run.GetRunId()))(t); signalbox.HasEnded(ended) != true {
		t.Errorf("the run is %s", ended.GetState())
	}
	must(client.RetryRun(ctx, run.GetRunId(), signalbox.Force()))(t)
	result := must(signalbox.Result(must(client.WaitRun(ctx, run.GetRunId()))(t)))(t)
	if attempt := result.Get("attempt").Any(); attempt != int64(2) {
		t.Errorf("it succeeded at attempt %v", attempt)
	}
	must(client.RetryRun(ctx, run.GetRunId(), signalbox.Force(), signalbox.Everything()))(t)
	result = must(signalbox.Result(must(client.WaitRun(ctx, run.GetRunId()))(t)))(t)
	if attempt := result.Get("attempt").Any(); attempt != int64(3) {
		t.Errorf("done again it succeeded at attempt %v", attempt)
	}
	var types []string
	for _, entry := range collect(t, client.ListTimeline(ctx, run.GetRunId(), "main", 1)) {
		types = append(types, entry.GetType().String()[len("TYPE_"):])
	}
	if !slices.Contains(types, "STARTED") || !slices.Contains(types, "FAILED") {
		t.Errorf("the timeline is %v", types)
	}
}

func TestAnOperatorEndsAnAction(t *testing.T) {
	client, ctx := sharedServer(t).dial(t), within(t)
	rows := map[string]struct {
		end  signalbox.End
		want signalbox.RunState
	}{
		"succeeded": {signalbox.EndSucceeded(outputs{"by": "hand"}), signalbox.RunSucceeded},
		"failed":    {signalbox.EndFailed(signalbox.TypedError("Judged", errors.New("no good"))), signalbox.RunFailed},
		"cancelled": {signalbox.EndCancelled(), signalbox.RunCancelled},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			run := must(client.CreateRun(ctx, signalbox.TaskOf("nobody", nil)))(t)
			must(client.EndAction(ctx, run.GetRunId(), "main", row.end, signalbox.Because("tired of it")))(t)
			ended := must(client.WaitRun(ctx, run.GetRunId()))(t)
			if ended.GetState() != row.want {
				t.Errorf("the run ended %s: %v", ended.GetState(), ended.GetError())
			}
			if by := signalbox.ValuesOf(ended.GetOutputs()).Get("by"); name == "succeeded" && by.String() != "hand" {
				t.Errorf("the outputs are %v", ended.GetOutputs())
			}
			if name == "failed" && ended.GetError().GetType() != "Judged" {
				t.Errorf("the error is %v", ended.GetError())
			}
		})
	}
}

func TestAFeedGoesOnFromAKeptCursor(t *testing.T) {
	client, ctx := sharedServer(t).dial(t), within(t)
	publish := func(types ...string) {
		for _, name := range types {
			event := signalbox.NewEvent{Source: "test", Type: name}
			if err := client.Publish(ctx, []signalbox.NewEvent{event}); err != nil {
				t.Fatal(err)
			}
		}
	}
	publish("a", "b", "c")
	cursor := ""
	for frame, err := range client.WatchEvents(ctx, nil, signalbox.FromBeginning()) {
		if err != nil {
			t.Fatal(err)
		}
		if events := frame.GetEvents(); len(events) > 0 && events[0].GetPublished().GetType() == "b" {
			cursor = frame.GetCursor()
			break
		}
	}
	publish("d")
	var types []string
	for event, err := range client.FollowEvents(ctx, nil, signalbox.FromCursor(cursor)) {
		if err != nil {
			t.Fatal(err)
		}
		if types = append(types, event.GetPublished().GetType()); len(types) == 2 {
			break
		}
	}
	if fmt.Sprint(types) != "[c d]" {
		t.Errorf("behind the cursor are %v", types)
	}
	other := &signalbox.EventFilter{RunId: "other"}
	for _, err := range client.WatchEvents(ctx, other, signalbox.FromCursor(cursor)) {
		if !errors.Is(err, signalbox.ReasonFilterChanged) {
			t.Errorf("the cursor of another filter came to %v", err)
		}
	}
	if events := collect(t, client.ListEvents(ctx, nil, signalbox.PageSize(2))); len(events) != 4 {
		t.Errorf("listed are %v", events)
	}
}

func TestAWatchEndsWithItsContext(t *testing.T) {
	client := sharedServer(t).dial(t)
	why := errors.New("enough")
	ctx, cancel := context.WithCancelCause(within(t))
	defer cancel(nil)
	for frame, err := range client.WatchEvents(ctx, nil) {
		if err == nil && frame != nil {
			cancel(why)
		} else if !errors.Is(err, why) {
			t.Errorf("it ended with %v", err)
		}
	}
}

func TestDialReadsItsTarget(t *testing.T) {
	for _, target := range []string{"", "http://", "a b:1"} {
		if _, err := signalbox.Dial(target); err == nil {
			t.Errorf("%q is taken", target)
		}
	}
	server := sharedServer(t)
	client, err := signalbox.Dial("http://"+server.address+"/", signalbox.WithBearerToken("x"), signalbox.WithAPIKey("y"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	if client.Target() != server.address || client.Namespace() != "default" {
		t.Errorf("the client is of %s, %s", client.Target(), client.Namespace())
	}
	if _, err := client.GetRun(within(t), "no-such-run"); !errors.Is(err, signalbox.ReasonRunNotFound) {
		t.Errorf("it came to %v", err)
	}
}
