package signalbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "github.com/signalbox/signalbox/clients/go/gen/signalbox/v1"
)

// errorDomain is the domain of every reason that Signalbox gives.
const errorDomain = "signalbox"

// RefusedError is a request that the server understood and declined. Sent again unchanged it is declined
// again; the facts say what would help.
type RefusedError struct {
	// Reason is what programs branch on.
	Reason Reason
	// Code is the status code that came with it; several reasons share one.
	Code codes.Code
	// Message says what happened and what to do, for people.
	Message string
	// Facts are the facts of the refusal by name.
	Facts map[string]string
	// Violations name every field that breaks a rule; empty for most reasons.
	Violations []Violation
	// RetryAfter is how long to wait before the next try, where waiting helps; 0 otherwise.
	RetryAfter time.Duration
}

// Violation is one field of a request that breaks one rule.
type Violation struct {
	// Field is the path from the request to the field, such as run.plan.actions[2].name.
	Field string
	// Description says what is wrong with its value.
	Description string
}

// Error says the reason, the message and every violation.
func (e *RefusedError) Error() string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s: %s", e.Reason, e.Message)
	for _, violation := range e.Violations {
		fmt.Fprintf(&text, "; %s: %s", violation.Field, violation.Description)
	}
	return text.String()
}

// Is reports whether target is the reason of this refusal.
func (e *RefusedError) Is(target error) bool {
	reason, ok := target.(Reason)
	return ok && reason == e.Reason
}

// GRPCStatus lets status.Code read the code of a refusal.
func (e *RefusedError) GRPCStatus() *status.Status { return status.New(e.Code, e.Error()) }

// UnavailableError is a server that did not answer, or said that it cannot at the moment, until the time for
// retries was over. Whether the last request was carried out is open.
type UnavailableError struct {
	// Target is where the server was looked for.
	Target string
	// Tries is how often it was tried.
	Tries int
	// Err is how the last try failed.
	Err error
}

// Error says where no answer came from, and how the last try failed.
func (e *UnavailableError) Error() string {
	return fmt.Sprintf("no answer from the server at %s after %d tries: %v", e.Target, e.Tries, e.Err)
}

// Unwrap returns how the last try failed.
func (e *UnavailableError) Unwrap() error { return e.Err }

// GRPCStatus lets status.Code read the code: UNAVAILABLE.
func (e *UnavailableError) GRPCStatus() *status.Status {
	return status.New(codes.Unavailable, e.Error())
}

// readError turns the error of a call into a refusal, if it is one, and into the context's own error if that
// has ended the call. Any other stays as it is.
func readError(ctx context.Context, err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return err
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if refused := readRefused(err); refused != nil {
		return refused
	}
	return err
}

// readRefused is the refusal that the error of a call stands for; nil if the server gave no reason of its own.
func readRefused(err error) *RefusedError {
	told, ok := status.FromError(err)
	if !ok {
		return nil
	}
	refused := &RefusedError{Code: told.Code(), Message: told.Message()}
	for _, detail := range told.Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			if detail.GetDomain() == errorDomain {
				refused.Reason = Reason(detail.GetReason())
				refused.Facts = detail.GetMetadata()
			}
		case *errdetails.BadRequest:
			for _, violation := range detail.GetFieldViolations() {
				refused.Violations = append(refused.Violations,
					Violation{Field: violation.GetField(), Description: violation.GetDescription()})
			}
		case *errdetails.RetryInfo:
			refused.RetryAfter = detail.GetRetryDelay().AsDuration()
		}
	}
	if refused.Reason == "" {
		return nil
	}
	return refused
}

// refusedInAnswer turns a refusal that stands inside an answer into the error of a call that was refused so.
func refusedInAnswer(refusal *pb.Refusal) *RefusedError {
	return &RefusedError{
		Reason:  Reason(strings.TrimPrefix(refusal.GetReason().String(), "REASON_")),
		Code:    codes.Code(refusal.GetCode()),
		Message: refusal.GetMessage(),
		Facts:   refusal.GetMetadata(),
	}
}

// askedDelay is how long the server asks to wait; 0 if it does not.
func askedDelay(err error) time.Duration {
	if refused := (*RefusedError)(nil); errors.As(err, &refused) {
		return refused.RetryAfter
	}
	if refused := readRefused(err); refused != nil {
		return refused.RetryAfter
	}
	return 0
}

// isTransient reports whether the error says nothing about the request: the server is away or stopping, the
// connection was lost, or the answer did not come in time.
func isTransient(err error) bool {
	switch status.Code(err) {
	case codes.Unavailable, codes.DeadlineExceeded:
		return true
	case codes.Internal:
		// How gRPC tells a stream that was reset below it.
		return strings.Contains(err.Error(), "RST_STREAM") || strings.Contains(err.Error(), "connection")
	default:
		return false
	}
}
