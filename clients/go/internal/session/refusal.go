package session

import (
	"errors"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "github.com/signalbox/signalbox/clients/go/gen/signalbox/v1"
)

// ErrSuperseded is how a session ends whose worker's name another process attached under.
var ErrSuperseded = errors.New("another process attached under the worker's name")

// EndsAttempt reports whether the refusal of a report, or of what else the attempt said, means that it is no
// longer this worker's. A step of an attempt may have ended without the attempt.
func EndsAttempt(refusal *pb.Refusal, report *pb.AttemptReport) bool {
	switch refusal.GetReason() {
	case pb.Reason_REASON_STALE_EPOCH, pb.Reason_REASON_RUN_ENDED, pb.Reason_REASON_RUN_NOT_FOUND:
		return true
	case pb.Reason_REASON_ACTION_ENDED, pb.Reason_REASON_ACTION_NOT_FOUND:
		return report.GetTraceEnded() == nil
	default:
		return false
	}
}

// fatal is why a session must not attach again after a stream has closed; nil if it is to. The goodbye is the
// cause that the server gave in its Leave, if it said one: a session can be gone for other causes than that
// another process took its worker's name, and after those it attaches again.
func fatal(err error, wasAttached bool, goodbye string) error {
	reason := reasonOf(err)
	if reason == "SESSION_GONE" && wasAttached && (goodbye == "" || goodbye == "superseded") {
		return ErrSuperseded
	}
	if wasAttached {
		return nil
	}
	switch status.Code(err) {
	case codes.Unauthenticated, codes.PermissionDenied, codes.Unimplemented:
		return err
	}
	if reason == "INVALID_REQUEST" || reason == "LIMIT_REACHED" {
		return err
	}
	return nil
}

// reasonOf is the reason that the server gave with an error; empty if it gave none.
func reasonOf(err error) string {
	for _, detail := range status.Convert(err).Details() {
		if told, ok := detail.(*errdetails.ErrorInfo); ok && told.GetDomain() == "signalbox" {
			return told.GetReason()
		}
	}
	return ""
}
