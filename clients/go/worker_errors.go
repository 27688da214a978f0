package signalbox

import (
	"errors"
	"fmt"
	"time"

	pb "github.com/signalbox/signalbox/clients/go/gen/signalbox/v1"
)

var (
	// ErrCancelled is what a [*CancelledError] is.
	ErrCancelled = errors.New("signalbox: the attempt was cancelled")
	// ErrLost is what a [*LostError] is.
	ErrLost = errors.New("signalbox: the lease of the attempt has moved on")
	// ErrWorkerStopped is the cause of a context whose worker left before the attempt had ended.
	ErrWorkerStopped = errors.New("signalbox: the worker stops before the attempt has ended")
	// ErrAttemptEnded is the cause of a context whose function has returned, and the error of what is asked for
	// after that.
	ErrAttemptEnded = errors.New("signalbox: the attempt has ended")
)

// CancelledError is the cause of a context after a cancel: the attempt has until the grace is over to stop.
type CancelledError struct {
	// Cause is why, in the words of who asked.
	Cause string
	// Grace is how long the attempt has until it is ended without its worker.
	Grace time.Duration
}

// Error says that the attempt was cancelled, and why.
func (e *CancelledError) Error() string {
	if e.Cause == "" {
		return ErrCancelled.Error()
	}
	return ErrCancelled.Error() + ": " + e.Cause
}

// Is reports whether target is ErrCancelled.
func (e *CancelledError) Is(target error) bool { return target == ErrCancelled }

// LostError is the cause of a context whose lease has moved on: nothing the attempt says or does counts any more.
type LostError struct {
	// Cause is why, in the server's words.
	Cause string
}

// Error says that the attempt was lost, and why.
func (e *LostError) Error() string { return ErrLost.Error() + ": " + e.Cause }

// Is reports whether target is ErrLost.
func (e *LostError) Is(target error) bool { return target == ErrLost }

// ConditionEndedError is a condition that ended without an answer.
type ConditionEndedError struct {
	// Condition is its name among the attempt's children.
	Condition string
	// State is how it ended: CANCELLED, SKIPPED, FAILED or TIMED_OUT.
	State ActionState
}

// Error says which condition ended, and how.
func (e *ConditionEndedError) Error() string {
	return fmt.Sprintf("signalbox: the condition %s ended without an answer: %s",
		e.Condition, nameState(e.State.String()))
}

// ErrorType is the type under which it is reported if a task hands it on.
func (*ConditionEndedError) ErrorType() string { return "ConditionEnded" }

// ChildFailedError is a child task, or a step of an earlier call, that ended without success.
type ChildFailedError struct {
	// Child is its name among the attempt's children.
	Child string
	// State is how it ended.
	State ActionState
	// Err is the error it ended with, as its worker or the server put it; nil if there was none.
	Err *ActionError
}

// Error says which child ended, how and why.
func (e *ChildFailedError) Error() string {
	text := fmt.Sprintf("signalbox: %s ended %s", e.Child, nameState(e.State.String()))
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns the error of the child.
func (e *ChildFailedError) Unwrap() error {
	if e.Err == nil {
		return nil
	}
	return e.Err
}

// ErrorType is the type under which it is reported if a task hands it on.
func (*ChildFailedError) ErrorType() string { return "ChildFailed" }

func childFailed(name string, action *pb.Action) error {
	failed := &ChildFailedError{Child: name, State: action.GetState()}
	if action.GetError() != nil {
		failed.Err = readActionError(action.GetError())
	}
	return failed
}

// hasActionEnded reports whether an action has reached its end.
func hasActionEnded(action *pb.Action) bool {
	switch action.GetState() {
	case ActionSucceeded, ActionFailed, ActionCancelled, ActionTimedOut, ActionSkipped, ActionRecovered:
		return true
	default:
		return false
	}
}

// hasSucceeded reports whether an action ended with outputs.
func hasSucceeded(action *pb.Action) bool {
	return action.GetState() == ActionSucceeded || action.GetState() == ActionRecovered
}
