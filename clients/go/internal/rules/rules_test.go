package rules_test

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	pb "github.com/signalbox/signalbox/clients/go/gen/signalbox/v1"
	"github.com/signalbox/signalbox/clients/go/internal/rules"
)

func task(change func(*pb.TaskSpec)) *pb.NewAction {
	spec := &pb.TaskSpec{Op: "op"}
	change(spec)
	return &pb.NewAction{Name: "name", Kind: &pb.NewAction_Task{Task: spec}}
}

func TestEveryKindOfBoundIsChecked(t *testing.T) {
	attach := func(change func(*pb.Attach)) *pb.Attach {
		attach := &pb.Attach{WorkerId: "w", Incarnation: "i", Ops: []string{"op"}}
		change(attach)
		return attach
	}
	rows := map[string]struct {
		message proto.Message
		// Empty if nothing is wrong.
		field string
	}{
		"nothing":        {task(func(*pb.TaskSpec) {}), ""},
		"empty name":     {&pb.NewAction{Kind: &pb.NewAction_Trace{Trace: &pb.TraceSpec{}}}, "name"},
		"no kind":        {&pb.NewAction{Name: "a"}, "kind"},
		"pattern":        {task(func(s *pb.TaskSpec) { s.Op = "a b" }), "task.op"},
		"too long":       {task(func(s *pb.TaskSpec) { s.Image = strings.Repeat("é", 513) }), "task.image"},
		"just fits":      {task(func(s *pb.TaskSpec) { s.Image = strings.Repeat("é", 512) }), ""},
		"not UTF-8":      {task(func(s *pb.TaskSpec) { s.Image = "\xff" }), "task.image"},
		"negative":       {task(func(s *pb.TaskSpec) { s.OpVersion = -1 }), "task.op_version"},
		"empty input":    {task(func(s *pb.TaskSpec) { s.Inputs = map[string]*pb.Input{"x": {}} }), `task.inputs["x"].source`},
		"long duration":  {task(func(s *pb.TaskSpec) { s.CancelGrace = durationpb.New(2 * time.Hour) }), "task.cancel_grace"},
		"short duration": {task(func(s *pb.TaskSpec) { s.CancelGrace = durationpb.New(-1) }), "task.cancel_grace"},
		"too many": {task(func(s *pb.TaskSpec) {
			s.Retry = &pb.RetryPolicy{NonRetryableErrorTypes: make([]string, 2_000)}
		}), "task.retry.non_retryable_error_types"},
		"too large a double": {task(func(s *pb.TaskSpec) { s.Retry = &pb.RetryPolicy{Jitter: 2} }), "task.retry.jitter"},
		"unknown enum": {&pb.NewAction{Name: "a", Kind: &pb.NewAction_Condition{
			Condition: &pb.ConditionSpec{Type: 99},
		}}, "condition.type"},
		"unsaid enum": {&pb.NewAction{Name: "a", Kind: &pb.NewAction_Condition{
			Condition: &pb.ConditionSpec{},
		}}, "condition.type"},
		"bad label":  {attach(func(a *pb.Attach) { a.Labels = map[string]string{"": "x"} }), `labels[""]`},
		"long label": {attach(func(a *pb.Attach) { a.Labels = map[string]string{"a": strings.Repeat("x", 300)} }), `labels["a"]`},
		"no ops":     {attach(func(a *pb.Attach) { a.Ops = nil }), "ops"},
		"an op twice": {attach(func(a *pb.Attach) {
			a.Ops = []string{"op", "op"}
		}), "ops[1]"},
		"not required": {&pb.AttemptReport{Sequence: 1, Content: &pb.AttemptReport_Heartbeat{}}, "attempt"},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			err := rules.Check(row.message)
			switch {
			case row.field == "" && err != nil:
				t.Errorf("it came to %v", err)
			case row.field != "" && (err == nil || !strings.HasPrefix(err.Error(), row.field+": ")):
				t.Errorf("it came to %v and not to %s", err, row.field)
			}
		})
	}
}
