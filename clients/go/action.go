package signalbox

import (
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	pb "github.com/signalbox/signalbox/clients/go/gen/signalbox/v1"
)

// RetryPolicy says what happens after a failed attempt. What is not said is the op's, else the default.
type RetryPolicy struct {
	// MaxAttempts is how many attempts there may be in all; 1 means no retry, 0 means not said: the op's, else 1.
	MaxAttempts int
	// InitialBackoff is the first wait; 1 s unless said. AtOnce says none.
	InitialBackoff time.Duration
	// Multiplier is what the wait grows by each time; 2 unless said.
	Multiplier float64
	// MaxBackoff is the longest wait; 5 minutes unless said.
	MaxBackoff time.Duration
	// Jitter is the share of the wait that chance moves it by, 0 to 1.
	Jitter float64
	// NonRetryableErrorTypes are error types after which no further attempt is made.
	NonRetryableErrorTypes []string
	// Manual makes no further attempt by itself: RetryRun uses those that are left.
	Manual bool
}

// AtOnce as an InitialBackoff makes the next attempt without a wait.
const AtOnce time.Duration = -1

func (r RetryPolicy) message() *pb.RetryPolicy {
	policy := &pb.RetryPolicy{
		MaxAttempts: int32(r.MaxAttempts), Multiplier: r.Multiplier, Jitter: r.Jitter,
		NonRetryableErrorTypes: r.NonRetryableErrorTypes, Manual: r.Manual,
		InitialBackoff: durationOrNone(r.InitialBackoff), MaxBackoff: durationOrNone(r.MaxBackoff),
	}
	if r.InitialBackoff == AtOnce {
		policy.InitialBackoff = durationpb.New(0)
	}
	return policy
}

// Timeouts say how long the parts of a task's life may take; 0 means no limit.
type Timeouts struct {
	// QueueToStart is from queued to started, each time it is queued.
	QueueToStart time.Duration
	// StartToEnd is from started to ended, for each attempt.
	StartToEnd time.Duration
	// Heartbeat is the longest silence of a running attempt; see [Task.Heartbeat].
	Heartbeat time.Duration
}

func (t Timeouts) message() *pb.Timeouts {
	return &pb.Timeouts{
		QueueToStart: durationOrNone(t.QueueToStart),
		StartToEnd:   durationOrNone(t.StartToEnd),
		Heartbeat:    durationOrNone(t.Heartbeat),
	}
}

// OutputReference is an input that takes what an earlier action put out.
type OutputReference struct{ from, output string }

// OutputOf is an input that takes an output of another action of the plan, by its name among the siblings. The
// empty output means all of them, as one JSON object. The answer to a condition is its output value.
func OutputOf(action, output string) OutputReference { return OutputReference{action, output} }

func (r OutputReference) message() *pb.OutputReference {
	return &pb.OutputReference{From: r.from, Output: r.output}
}

// newTask states a task.
func newTask(name, op string, inputs any, options []ActionOption) (*pb.NewAction, error) {
	named, err := toInputs(inputs)
	if err != nil {
		return nil, err
	}
	spec := &pb.TaskSpec{Op: op, Inputs: named}
	action := &pb.NewAction{Name: name, Kind: &pb.NewAction_Task{Task: spec}}
	return stateAction(&actionDraft{action: action, task: spec}, options)
}

// newCondition states a condition.
func newCondition(name string, valueType ValueType, options []ActionOption) (*pb.NewAction, error) {
	spec := &pb.ConditionSpec{Type: valueType}
	action := &pb.NewAction{Name: name, Kind: &pb.NewAction_Condition{Condition: spec}}
	return stateAction(&actionDraft{action: action, condition: spec}, options)
}

func stateAction(draft *actionDraft, options []ActionOption) (*pb.NewAction, error) {
	for _, option := range options {
		if err := option(draft); err != nil {
			return nil, fmt.Errorf("signalbox: the action %s: %w", draft.action.GetName(), err)
		}
	}
	return draft.action, nil
}

// actionDraft is an action while its options are applied: a task or a condition.
type actionDraft struct {
	action    *pb.NewAction
	task      *pb.TaskSpec
	condition *pb.ConditionSpec
}

func durationOrNone(duration time.Duration) *durationpb.Duration {
	if duration <= 0 {
		return nil
	}
	return durationpb.New(duration)
}
