package signalbox_test

import (
	"errors"
	"testing"

	signalbox "github.com/signalbox/signalbox/clients/go"
)

func TestAWatchBeginsWithTheRunsAsTheyStandIfAskedTo(t *testing.T) {
	client, ctx := sharedServer(t).dial(t), within(t)
	live := must(client.CreateRun(ctx, signalbox.NewPlan().Condition("go", signalbox.Bool)))(t)
	over := must(client.CreateRun(ctx, signalbox.NewPlan().Condition("go", signalbox.Bool)))(t)
	must(client.CancelRun(ctx, over.GetRunId()))(t)
	for name, row := range map[string]struct {
		from signalbox.CallOption
		runs map[string]signalbox.RunState
	}{
		"all": {signalbox.FromAllRuns(), map[string]signalbox.RunState{
			live.GetRunId(): signalbox.RunRunning, over.GetRunId(): signalbox.RunCancelled,
		}},
		"live": {signalbox.FromLiveRuns(), map[string]signalbox.RunState{live.GetRunId(): signalbox.RunRunning}},
	} {
		t.Run(name, func(t *testing.T) {
			found := map[string]signalbox.RunState{}
			published := false
			for frame, err := range client.WatchEvents(ctx, nil, row.from) {
				if err != nil {
					t.Fatal(err)
				}
				for _, run := range frame.GetRuns() {
					found[run.GetRunId()] = run.GetState()
				}
				if frame.GetSnapshot() && frame.GetCursor() != "" {
					event := signalbox.NewEvent{Source: "test", Type: name}
					if err := client.Publish(ctx, []signalbox.NewEvent{event}); err != nil {
						t.Fatal(err)
					}
					published = true
				}
				if len(frame.GetEvents()) > 0 {
					if got := frame.GetEvents()[0].GetPublished().GetType(); got != name || !published || frame.Restarted {
						t.Errorf("the first event is %v", frame)
					}
					break
				}
			}
			if len(found) != len(row.runs) {
				t.Errorf("the runs are %v", found)
			}
			for id, state := range row.runs {
				if found[id] != state {
					t.Errorf("%s is %s", id, found[id])
				}
			}
		})
	}
}

func TestAnExpressionSaysWhatElseMustBeTrueOfAnEvent(t *testing.T) {
	client, ctx := sharedServer(t).dial(t), within(t)
	run := must(client.CreateRun(ctx,
		signalbox.NewPlan().Condition("a", signalbox.Int).Condition("b", signalbox.Int)))(t)
	must(client.Signal(ctx, run.GetRunId(), "a", 1, signalbox.By("ann")))(t)
	must(client.Signal(ctx, run.GetRunId(), "b", 2, signalbox.By("ben")))(t)
	filter := &signalbox.EventFilter{
		RunId:      run.GetRunId(),
		Expression: `event.kind == "condition_answered" && event.condition_answered.signalled_by == "ben"`,
	}
	if found := collect(t, client.ListEvents(ctx, filter)); len(found) != 1 || found[0].GetAction() != "b" {
		t.Errorf("listed were %v", found)
	}
	for event, err := range client.FollowEvents(ctx, filter, signalbox.FromBeginning()) {
		if err != nil {
			t.Fatal(err)
		}
		if event.GetAction() != "b" {
			t.Errorf("followed was %v", event)
		}
		break
	}
	for _, err := range client.ListEvents(ctx, &signalbox.EventFilter{Expression: "event."}) {
		if !errors.Is(err, signalbox.ReasonFilterInvalid) {
			t.Errorf("what is no expression came to %v", err)
		}
	}
}

func TestAFeedSaysWhatItIs(t *testing.T) {
	client, ctx := sharedServer(t).dial(t), within(t)
	before := must(client.DescribeFeed(ctx))(t)
	must(client.CreateRun(ctx, signalbox.NewPlan().Condition("go", signalbox.Bool)))(t)
	after := must(client.DescribeFeed(ctx))(t)
	if before.GetFeedEpoch() == "" || after.GetFeedEpoch() != before.GetFeedEpoch() ||
		after.GetHeadPosition() <= before.GetHeadPosition() || after.GetOldestPosition() > before.GetHeadPosition() {
		t.Errorf("the feed was %v and is %v", before, after)
	}
}
