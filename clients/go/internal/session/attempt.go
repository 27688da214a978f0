package session

import (
	"fmt"

	"google.golang.org/protobuf/proto"

	pb "github.com/signalbox/signalbox/clients/go/gen/signalbox/v1"
)

// Attempt is one attempt under one lease, from its assignment until its end is recorded and its place is free.
type Attempt struct {
	reference *pb.AttemptReference
	state     attemptState
	// True once the server has shown that it knows of the start. Until then each new stream says so again.
	startConfirmed bool
	// True once this stream has said that it started.
	startSaid bool
	// True while the task waits for a child and leaves its place to another.
	isWaiting bool
	// True once the task has returned and the place is free.
	isSettled bool
	// Not yet recorded, in the order of their numbers.
	unrecorded []*report
}

// attemptState is where an attempt stands in the outbox.
type attemptState int

const (
	// The worker has it before it; accepted or declined next.
	assigned attemptState = iota
	// Its task runs.
	accepted
	// Its end is reported; it stays in the inventory until that is recorded, so that its lease is kept.
	ended
	// Its lease has moved on; it takes a place while its task still runs, and nothing else.
	lost
)

// report is one report that is not yet recorded.
type report struct {
	attempt *Attempt
	message *pb.AttemptReport
	// What it takes on the wire.
	size int
	// True once it need not be sent any more: it was recorded, refused, or its attempt is lost.
	isOver bool
}

// Reference names the attempt and its lease.
func (a *Attempt) Reference() *pb.AttemptReference { return a.reference }

// holds reports whether the attempt takes up a place.
func (a *Attempt) holdsPlace() bool { return !a.isWaiting && !a.isSettled }

// isUnsaid reports whether the server may not know that the attempt has started. Any report says it too.
func (a *Attempt) isUnsaid() bool {
	return a.state == accepted && !a.startConfirmed && !a.startSaid && len(a.unrecorded) == 0
}

func (a *Attempt) find(sequence uint64) (*report, int) {
	for index, waiting := range a.unrecorded {
		if waiting.message.GetSequence() == sequence {
			return waiting, index
		}
	}
	return nil, -1
}

// key tells attempts apart: the same attempt under another lease is another one. A reference without a namespace
// is of the session's own.
func key(reference *pb.AttemptReference, own string) string {
	return fmt.Sprintf("%s %d %d", actionKey(reference, own), reference.GetAttempt(), reference.GetEpoch())
}

// actionKey tells actions apart, whatever their attempts and leases.
func actionKey(reference *pb.AttemptReference, own string) string {
	namespace := reference.GetNamespace()
	if namespace == "" {
		namespace = own
	}
	return fmt.Sprintf("%s %s %s", namespace, reference.GetRunId(), reference.GetAction())
}

// isEnd reports whether nothing follows a report.
func isEnd(message *pb.AttemptReport) bool {
	switch message.GetContent().(type) {
	case *pb.AttemptReport_Succeeded, *pb.AttemptReport_Failed, *pb.AttemptReport_Stopped:
		return true
	default:
		return false
	}
}

func newReport(attempt *Attempt, message *pb.AttemptReport) *report {
	// The tag and the length of each part of a frame.
	const around = 8
	return &report{attempt: attempt, message: message, size: proto.Size(message) + around}
}
