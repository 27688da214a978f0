package session

import (
	"math/rand/v2"
	"time"

	"google.golang.org/protobuf/proto"

	pb "github.com/signalbox/signalbox/clients/go/gen/signalbox/v1"
)

// attach opens a stream: the session's own, or the successor of one that still stands.
func (s *Session) attach() {
	attach := proto.Clone(s.options.Attach).(*pb.Attach)
	attach.Running = s.outbox.inventory()
	opened := openLink(s.options.Open, attach, s.outbox.takeFrame, s.tell)
	if s.link == nil {
		s.link = opened
		s.current.Store(opened)
	} else {
		s.successor = opened
	}
}

func (s *Session) take(told notice) {
	// What a link that was given up still tells does not count.
	if told.link != s.link && told.link != s.successor {
		return
	}
	switch frame := told.frame.GetFrame().(type) {
	case nil:
		if told.err != nil {
			s.closed(told.link, told.err)
		}
	case *pb.AttachResponse_Attached:
		s.attached(told.link, frame.Attached)
	default:
		s.received(told.frame)
	}
}

func (s *Session) attached(from *link, answer *pb.Attached) {
	if from == s.successor {
		s.giveUp(&s.link)
		s.link, s.successor = s.successor, nil
		s.current.Store(s.link)
	}
	s.goodbye = ""
	for _, reference := range answer.GetDrop() {
		s.lose(reference, "the server gave the attempt to another worker or ended it")
	}
	s.outbox.restart()
	if s.state == draining {
		from.say(&pb.AttachRequest{Frame: &pb.AttachRequest_Drain{Drain: &pb.Drain{}}})
	}
	from.attach()
	s.options.Events.Attached(answer)
}

// closed decides what follows a stream that is gone.
func (s *Session) closed(gone *link, cause error) {
	wasSuccessor := gone == s.successor
	wasAttached, wasStable := gone.history()
	if wasSuccessor {
		s.successor = nil
	} else {
		s.link = nil
	}
	if s.state == going {
		s.end(nil)
		return
	}
	// With a successor on its way, it is the successor that has taken the place of the link.
	if s.successor == nil {
		if failure := fatal(cause, wasAttached, s.goodbye); failure != nil {
			s.end(failure)
			return
		}
	}
	if s.link == nil {
		s.link, s.successor = s.successor, nil
	}
	s.current.Store(s.link)
	if s.delay != nil || (s.link != nil && !wasSuccessor) {
		return
	}
	s.attachAfter(s.nextWait(wasStable), cause)
}

// nextWait is twice as long with each failure in a row, moved by chance; after a stream that stood for long it is
// the first one again.
func (s *Session) nextWait(wasStable bool) time.Duration {
	if wasStable {
		s.failures = 0
	}
	longest := min(reconnectDelayMax, reconnectDelayMin<<min(s.failures, 10))
	s.failures++
	return time.Duration(float64(longest) * (0.5 + rand.Float64()/2))
}

func (s *Session) attachAfter(wait time.Duration, cause error) {
	s.options.Events.Detached(cause, wait)
	s.delay = time.After(wait)
}
