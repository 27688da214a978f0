package signalbox

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"unicode/utf8"

	pb "github.com/signalbox/signalbox/clients/go/gen/signalbox/v1"
)

// Bounds of an error, as the contract has them. What is longer is cut.
const (
	errorTypeLengthMax = 128
	messageLengthMax   = 16_384
	causeLengthMax     = 4_096
	stackLengthMax     = 65_536
)

// ActionError is the error that an action ended with, as its worker or the server put it.
type ActionError struct {
	// Type is a name that retry policies can list.
	Type string
	// Message says what happened, for people.
	Message string
	// Stack is as the worker's language prints it; often empty.
	Stack string
	// NonRetryable is true if no further attempt makes sense.
	NonRetryable bool
}

// Error says type and message.
func (e *ActionError) Error() string {
	if e.Message == "" {
		return e.Type
	}
	return e.Type + ": " + e.Message
}

// ErrorType is the type under which it is reported if a task hands it on.
func (e *ActionError) ErrorType() string { return e.Type }

func readActionError(message *pb.ActionError) *ActionError {
	return &ActionError{
		Type: message.GetType(), Message: message.GetMessage(), Stack: message.GetStack(),
		NonRetryable: message.GetNonRetryable(),
	}
}

// TypedError gives an error a type that retry policies can list. A type of the caller's own with a method
// ErrorType() string does the same.
func TypedError(errorType string, err error) error { return &typedError{errorType, err} }

type typedError struct {
	errorType string
	err       error
}

func (e *typedError) Error() string     { return e.err.Error() }
func (e *typedError) Unwrap() error     { return e.err }
func (e *typedError) ErrorType() string { return e.errorType }

// NonRetryable marks an error that no further attempt can help, whatever the task's retry policy says.
func NonRetryable(err error) error { return &nonRetryableError{err} }

type nonRetryableError struct{ err error }

func (e *nonRetryableError) Error() string { return e.err.Error() }
func (e *nonRetryableError) Unwrap() error { return e.err }

// toActionError makes what is recorded of the error of a task, within the contract's bounds. Its type is what
// ErrorType says, else the name of the first exported error type in the chain, else Error.
func toActionError(err error) *pb.ActionError {
	var nonRetryable *nonRetryableError
	var panicked *panicError
	message := &pb.ActionError{
		Type:         clip(errorType(err), errorTypeLengthMax),
		Message:      clip(err.Error(), messageLengthMax),
		NonRetryable: errors.As(err, &nonRetryable),
	}
	// A failure always says something.
	if message.Message == "" {
		message.Message = message.GetType()
	}
	if errors.As(err, &panicked) {
		message.Stack = clip(panicked.stack, stackLengthMax)
	}
	return message
}

func errorType(err error) string {
	var typed interface{ ErrorType() string }
	if errors.As(err, &typed) && typed.ErrorType() != "" {
		return typed.ErrorType()
	}
	for ; err != nil; err = errors.Unwrap(err) {
		described := reflect.TypeOf(err)
		if described.Kind() == reflect.Pointer {
			described = described.Elem()
		}
		if name := described.Name(); name != "" && name[0] >= 'A' && name[0] <= 'Z' {
			return name
		}
	}
	return "Error"
}

// panicError is a task that panicked. The worker lives on.
type panicError struct {
	value any
	stack string
}

func (e *panicError) Error() string   { return fmt.Sprint(e.value) }
func (*panicError) ErrorType() string { return "Panic" }

// clip is the beginning of a text that is too long, in whole characters, and UTF-8 whatever it was.
func clip(text string, lengthMax int) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	if utf8.RuneCountInString(text) <= lengthMax {
		return text
	}
	return string([]rune(text)[:lengthMax])
}

// nameState is the name of a state without its prefix.
func nameState(state string) string { return strings.TrimPrefix(state, "STATE_") }
