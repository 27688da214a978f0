package signalbox_test

import (
	"errors"
	"path/filepath"
	"slices"
	"testing"
	"time"

	signalbox "github.com/signalbox/signalbox/clients/go"
)

// people are clients of a server that asks who calls: ann and ben are reviewers, cleo is not.
type people struct{ ann, ben, cleo *signalbox.Client }

func dialPeople(t *testing.T) people {
	t.Helper()
	file := filepath.Join(t.TempDir(), "tokens.json")
	ann, ben := newToken(t, file, "ann", "reviewers"), newToken(t, file, "ben", "reviewers")
	cleo := newToken(t, file, "cleo", "others")
	server, namespace := ownServer(t, "--tokens-file", file), signalbox.WithNamespace(uniqueName("t"))
	return people{
		server.dial(t, namespace, signalbox.WithBearerToken(ann)),
		server.dial(t, namespace, signalbox.WithBearerToken(ben)),
		server.dial(t, namespace, signalbox.WithBearerToken(cleo)),
	}
}

func TestPeopleDecideTogether(t *testing.T) {
	p, ctx := dialPeople(t), within(t)
	t.Run("two subjects of those that may", func(t *testing.T) {
		rule := signalbox.AnswerRule{RequiredCount: 2, Groups: []string{"reviewers"}}
		run := must(p.cleo.CreateRun(ctx,
			signalbox.NewPlan().Condition("approve", signalbox.Bool, signalbox.Answers(rule))))(t)
		_, err := p.cleo.Signal(ctx, run.GetRunId(), "approve", true)
		if !errors.Is(err, signalbox.ReasonNotAllowed) || run.GetCreatedBy() != "cleo" {
			t.Errorf("cleo, who is %s, came to %v", run.GetCreatedBy(), err)
		}
		one := must(p.ann.Signal(ctx, run.GetRunId(), "approve", true, signalbox.Comment("read it")))(t)
		if one.Condition.GetEndTime() != nil || len(one.Condition.GetAnswers()) != 1 {
			t.Errorf("one answer came to %+v", one)
		}
		if _, err := p.ann.Signal(ctx, run.GetRunId(), "approve", false); !errors.Is(err, signalbox.ReasonAlreadyAnswered) {
			t.Errorf("another answer of the same came to %v", err)
		}
		mine := &signalbox.ConditionFilter{RunId: run.GetRunId(), Answerable: true}
		if left := collect(t, p.ann.ListConditions(ctx, mine)); len(left) != 0 {
			t.Errorf("ann may answer %v", left)
		}
		if left := collect(t, p.ben.ListConditions(ctx, mine)); len(left) != 1 {
			t.Errorf("ben may answer %v", left)
		}
		two := must(p.ben.Signal(ctx, run.GetRunId(), "approve", true))(t)
		var subjects []string
		for _, answer := range two.Condition.GetAnswers() {
			subjects = append(subjects, answer.GetSubject())
		}
		if !slices.Equal(subjects, []string{"ann", "ben"}) {
			t.Errorf("it was answered by %v", subjects)
		}
		if ended := must(p.cleo.WaitRun(ctx, run.GetRunId()))(t); ended.GetState() != signalbox.RunSucceeded {
			t.Errorf("the run ended %s", ended.GetState())
		}
	})
	t.Run("a veto of who did not ask", func(t *testing.T) {
		rule := signalbox.AnswerRule{RequiredCount: 3, Veto: false, ExcludesRequester: true}
		run := must(p.ann.CreateRun(ctx,
			signalbox.NewPlan().Condition("approve", signalbox.Bool, signalbox.Answers(rule))))(t)
		if _, err := p.ann.Signal(ctx, run.GetRunId(), "approve", true); !errors.Is(err, signalbox.ReasonNotAllowed) {
			t.Errorf("the requester came to %v", err)
		}
		decided := must(p.ben.Signal(ctx, run.GetRunId(), "approve", false))(t)
		if decided.Condition.GetEndTime() == nil || decided.Condition.GetRequester() != "ann" {
			t.Errorf("the veto came to %v", decided.Condition)
		}
	})
}

func TestConditionsAreTakenOnAndHandedOn(t *testing.T) {
	p, ctx := dialPeople(t), within(t)
	t.Run("a claim stands until it is released or taken over", func(t *testing.T) {
		run := must(p.ann.CreateRun(ctx, signalbox.NewPlan().Condition("a", signalbox.Bool)))(t)
		if claimed := must(p.ann.ClaimCondition(ctx, run.GetRunId(), "a"))(t); claimed.GetAssignee() != "ann" {
			t.Errorf("it is claimed as %v", claimed)
		}
		if _, err := p.ben.ClaimCondition(ctx, run.GetRunId(), "a"); !errors.Is(err, signalbox.ReasonAlreadyClaimed) {
			t.Errorf("another claim came to %v", err)
		}
		taken := must(p.ben.ClaimCondition(ctx, run.GetRunId(), "a", signalbox.Force()))(t)
		if taken.GetAssignee() != "ben" {
			t.Errorf("it is taken over as %v", taken)
		}
		hers := &signalbox.ConditionFilter{RunId: run.GetRunId(), Assignee: "ben"}
		if found := collect(t, p.ann.ListConditions(ctx, hers)); len(found) != 1 {
			t.Errorf("by assignee there are %v", found)
		}
		if released := must(p.ben.ReleaseCondition(ctx, run.GetRunId(), "a"))(t); released.GetAssignee() != "" {
			t.Errorf("it is released as %v", released)
		}
	})
	t.Run("a watch by assignee tells what is gone to somebody else", func(t *testing.T) {
		run := must(p.ann.CreateRun(ctx, signalbox.NewPlan().Condition("a", signalbox.Bool, signalbox.AssignedTo("ann"))))(t)
		hers := &signalbox.ConditionFilter{RunId: run.GetRunId(), Assignee: "ann"}
		for frame, err := range p.ann.WatchConditions(ctx, hers) {
			if err != nil {
				t.Fatal(err)
			}
			if frame.GetSnapshot() && frame.GetAtHead() {
				must(p.ben.ClaimCondition(ctx, run.GetRunId(), "a", signalbox.Force()))(t)
			}
			if gone := frame.GetGone(); len(gone) > 0 {
				if gone[0].GetAssignee() != "ben" {
					t.Errorf("it is gone to %v", gone)
				}
				return
			}
		}
	})
	t.Run("a right to answer is handed on", func(t *testing.T) {
		rule := signalbox.Answers(signalbox.AnswerRule{Subjects: []string{"ann"}})
		run := must(p.ann.CreateRun(ctx, signalbox.NewPlan().Condition("a", signalbox.Bool, rule)))(t)
		handed := must(p.ann.DelegateCondition(ctx, run.GetRunId(), "a", "cleo"))(t)
		if len(handed.GetDelegations()) != 1 || handed.GetAssignee() != "cleo" {
			t.Errorf("it is handed on as %v", handed)
		}
		if _, err := p.ann.Signal(ctx, run.GetRunId(), "a", true); !errors.Is(err, signalbox.ReasonNotAllowed) {
			t.Errorf("who handed it on came to %v", err)
		}
		must(p.cleo.Signal(ctx, run.GetRunId(), "a", true))(t)
	})
	t.Run("what is snoozed is out of sight until it is woken", func(t *testing.T) {
		run := must(p.ann.CreateRun(ctx, signalbox.NewPlan().Condition("a", signalbox.Bool)))(t)
		ofRun := &signalbox.ConditionFilter{RunId: run.GetRunId()}
		until := time.Now().Add(time.Hour).Truncate(time.Second)
		snoozed := must(p.ann.SnoozeCondition(ctx, run.GetRunId(), "a", until))(t)
		if !snoozed.GetSnoozeEndTime().AsTime().Equal(until) {
			t.Errorf("it is snoozed as %v", snoozed)
		}
		if found := collect(t, p.ann.ListConditions(ctx, ofRun)); len(found) != 0 {
			t.Errorf("in sight are %v", found)
		}
		all := &signalbox.ConditionFilter{RunId: run.GetRunId(), IncludeSnoozed: true}
		if found := collect(t, p.ann.ListConditions(ctx, all)); len(found) != 1 {
			t.Errorf("with the snoozed there are %v", found)
		}
		must(p.ann.SnoozeCondition(ctx, run.GetRunId(), "a", time.Time{}))(t)
		if found := collect(t, p.ann.ListConditions(ctx, ofRun)); len(found) != 1 {
			t.Errorf("in sight again are %v", found)
		}
	})
	t.Run("a deadline is moved, and orders the list", func(t *testing.T) {
		run := must(p.ann.CreateRun(ctx, signalbox.NewPlan().
			Condition("early", signalbox.Bool, signalbox.Timeout(2*time.Hour)).
			Condition("late", signalbox.Bool, signalbox.Timeout(4*time.Hour))))(t)
		names := func() (names []string) {
			ofRun := &signalbox.ConditionFilter{RunId: run.GetRunId()}
			for _, condition := range collect(t, p.ann.ListConditions(ctx, ofRun, signalbox.ByDueTime())) {
				names = append(names, condition.GetName())
			}
			return names
		}
		if order := names(); !slices.Equal(order, []string{"early", "late"}) {
			t.Errorf("the order is %v", order)
		}
		must(p.ann.ExtendCondition(ctx, run.GetRunId(), "early", time.Now().Add(8*time.Hour)))(t)
		if order := names(); !slices.Equal(order, []string{"late", "early"}) {
			t.Errorf("the order is %v", order)
		}
		endless := must(p.ann.ExtendCondition(ctx, run.GetRunId(), "late", time.Time{}))(t)
		if endless.GetDeadlineTime() != nil {
			t.Errorf("it ends at %v", endless.GetDeadlineTime())
		}
	})
}
