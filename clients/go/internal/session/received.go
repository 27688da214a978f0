package session

import (
	"errors"

	pb "github.com/signalbox/signalbox/clients/go/gen/signalbox/v1"
)

// received takes a frame of the server other than the first.
func (s *Session) received(response *pb.AttachResponse) {
	events := s.options.Events
	switch frame := response.GetFrame().(type) {
	case *pb.AttachResponse_Assign:
		s.assigned(frame.Assign.GetAssignments())
	case *pb.AttachResponse_Recorded:
		for _, answer := range s.outbox.recorded(frame.Recorded.GetReports()) {
			if answer.isLost {
				events.Lost(answer.attempt, answer.refusal.GetMessage())
			} else {
				events.Recorded(answer.attempt, answer.sequence, answer.refusal)
			}
		}
		s.wake()
	case *pb.AttachResponse_Cancel:
		for _, cancelled := range frame.Cancel.GetAttempts() {
			if attempt := s.outbox.find(cancelled.GetAttempt()); attempt != nil {
				events.Cancelled(attempt, cancelled.GetGrace().AsDuration(), cancelled.GetCause())
			}
		}
	case *pb.AttachResponse_ActionsAdded:
		s.actionsAdded(frame.ActionsAdded)
	case *pb.AttachResponse_ChildEnded:
		attempt := s.outbox.find(frame.ChildEnded.GetAttempt())
		if child := frame.ChildEnded.GetAction(); attempt != nil && child != nil {
			events.ChildEnded(attempt, child)
		}
	case *pb.AttachResponse_Declined:
		refusal := frame.Declined.GetRefusal()
		if EndsAttempt(refusal, nil) {
			s.lose(frame.Declined.GetAttempt(), refusal.GetMessage())
		} else {
			events.Declined(refusal)
		}
	case *pb.AttachResponse_Drain:
		events.Draining()
		s.drain()
	case *pb.AttachResponse_Leave:
		s.move(frame.Leave)
	}
}

func (s *Session) assigned(assignments []*pb.Assignment) {
	taken, outdone := s.outbox.hold(assignments)
	for _, attempt := range outdone {
		s.options.Events.Lost(attempt, "the action was assigned under a new lease")
	}
	s.wake()
	if s.state == active {
		s.options.Events.Assigned(taken)
		return
	}
	for _, declined := range taken {
		s.outbox.decline(declined.Attempt, "the worker is draining")
	}
}

func (s *Session) actionsAdded(answer *pb.ActionsAdded) {
	if refusal := answer.GetRefusal(); refusal != nil && EndsAttempt(refusal, nil) {
		s.lose(answer.GetAttempt(), refusal.GetMessage())
		return
	}
	if attempt := s.outbox.find(answer.GetAttempt()); attempt != nil {
		s.options.Events.ActionsAdded(attempt, answer)
	}
}

// move opens a successor when the server says so; the link goes on carrying frames until it is attached. A server
// that does not say when ends the stream itself, and the cause tells what its end means.
func (s *Session) move(goodbye *pb.Leave) {
	s.goodbye = goodbye.GetCause()
	isMoving := s.successor != nil || s.delay != nil
	if goodbye.GetReconnectAfter() != nil && !isMoving && s.state != going {
		cause := errors.New("the server asks to attach again: " + goodbye.GetCause())
		s.attachAfter(goodbye.GetReconnectAfter().AsDuration(), cause)
	}
}

func (s *Session) lose(reference *pb.AttemptReference, cause string) {
	if attempt := s.outbox.find(reference); attempt != nil {
		s.outbox.lose(attempt)
		s.options.Events.Lost(attempt, cause)
		s.wake()
	}
}
