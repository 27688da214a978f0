package session

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	pb "github.com/signalbox/signalbox/clients/go/gen/signalbox/v1"
)

// Options are what a session is made of.
type Options struct {
	// Open opens an Attach stream, on a connection of its own, and says how to release that: after a Leave the
	// next stream may reach another server, and a connection that has died unnoticed never holds up the stream
	// after it.
	Open func(context.Context) (Stream, func(), error)
	// Attach says who attaches, without what runs.
	Attach *pb.Attach
	// Concurrency is how many attempts may take up a place at once.
	Concurrency int
	// Events hears what happens.
	Events Events
}

// Events hears what happens to a session: one call at a time, in order, from the goroutine of Run. No call may
// wait.
type Events interface {
	// Attached is called with each new stream.
	Attached(answer *pb.Attached)
	// Detached is called when a stream is gone and the next one opens after a wait.
	Detached(cause error, wait time.Duration)
	// Assigned hands over work, to be accepted or declined.
	Assigned(assignments []Assigned)
	// Recorded says that a report is durable, or was refused.
	Recorded(attempt *Attempt, sequence uint64, refusal *pb.Refusal)
	// Cancelled says that an attempt must end within its grace.
	Cancelled(attempt *Attempt, grace time.Duration, cause string)
	// ActionsAdded answers a call for children.
	ActionsAdded(attempt *Attempt, answer *pb.ActionsAdded)
	// ChildEnded says that a child of an attempt has ended.
	ChildEnded(attempt *Attempt, child *pb.Action)
	// Lost says that nothing the attempt says counts any more.
	Lost(attempt *Attempt, cause string)
	// Draining says that the server asks to drain, and the session has begun to.
	Draining()
	// Declined says that a frame was declined and there is nothing to do about it.
	Declined(refusal *pb.Refusal)
}

// Assigned is an attempt and what it is to do.
type Assigned struct {
	Attempt    *Attempt
	Assignment *pb.Assignment
}

// Session is a worker's session with its server, across streams.
//
//   - detached: no stream; the next one opens when the delay is over. What is reported waits in the outbox.
//   - attaching, attached: as the link is. With each Attached, the outbox begins again.
//   - moving: the server said Leave. The link still carries frames while a successor attaches, then the
//     successor takes its place. If the link closes first, the session is detached and goes on the same way.
//   - draining: beside the above; nothing more is taken. When nothing is held and all is recorded, it leaves.
//   - leaving, over: Leave is said; the end of the stream, or the end of patience, ends the session.
//
// A stream that ends because another process took the worker's name ends the session: two processes of one name
// that both attach again would take the name from each other for ever.
type Session struct {
	options Options
	outbox  *outbox
	notices chan notice
	drains  chan struct{}
	leaves  chan string
	changes chan struct{}
	done    chan struct{}
	current atomic.Pointer[link]

	// Below: only the goroutine of Run.
	link      *link
	successor *link
	delay     <-chan time.Time
	failures  int
	// The cause of the server's last Leave.
	goodbye string
	state   sessionState
	err     error
}

type sessionState int

const (
	active sessionState = iota
	draining
	going
	over
)

// New makes a session. It does nothing before Run.
func New(options Options) *Session {
	s := &Session{
		options: options,
		notices: make(chan notice),
		drains:  make(chan struct{}, 1),
		leaves:  make(chan string, 1),
		changes: make(chan struct{}, 1),
		done:    make(chan struct{}),
	}
	s.outbox = newOutbox(options.Attach.GetNamespace(), options.Concurrency, s.wake)
	return s
}

// Run attaches, and goes on until the session is over: nil after Leave, else why it must not attach again.
func (s *Session) Run() error {
	defer s.finish()
	s.attach()
	for s.state != over {
		select {
		case told := <-s.notices:
			s.take(told)
		case <-s.delay:
			s.delay = nil
			if s.state == going {
				s.end(nil)
			} else {
				s.attach()
			}
		case <-s.drains:
			s.drain()
		case cause := <-s.leaves:
			s.leave(cause)
		case <-s.changes:
		}
		if s.state == draining && s.outbox.isEmpty() {
			s.leave("drained")
		}
	}
	return s.err
}

// Drain takes no more work, and leaves once nothing is held and all is recorded.
func (s *Session) Drain() {
	select {
	case s.drains <- struct{}{}:
	default:
	}
}

// Leave leaves now; what is held is given back.
func (s *Session) Leave(cause string) {
	select {
	case s.leaves <- cause:
	default:
	}
}

// Accept says that the tasks of these attempts start.
func (s *Session) Accept(attempts []*Attempt) { s.outbox.accept(attempts) }

// Decline says that this attempt does not start here.
func (s *Session) Decline(attempt *Attempt, cause string) { s.outbox.decline(attempt, cause) }

// Report is kept and sent, again after each attach, until it is recorded. Its numbers count from 1, in order.
func (s *Session) Report(attempt *Attempt, message *pb.AttemptReport) {
	s.outbox.report(attempt, message)
}

// AddActions is sent once, on the stream that is open; after each attach who still waits asks again.
func (s *Session) AddActions(attempt *Attempt, call *pb.AddActions) { s.outbox.call(attempt, call) }

// SetWaiting says that the task of the attempt waits for a child, and another may have its place meanwhile; or no
// longer does.
func (s *Session) SetWaiting(attempt *Attempt, isWaiting bool) { s.outbox.wait(attempt, isWaiting) }

// Settle says that the task of the attempt has returned with nothing to report, and its place is free.
func (s *Session) Settle(attempt *Attempt) { s.outbox.settle(attempt) }

// wake lets the link take what waits, and the loop see whether a draining worker has nothing left.
func (s *Session) wake() {
	if current := s.current.Load(); current != nil {
		current.wake()
	}
	select {
	case s.changes <- struct{}{}:
	default:
	}
}

func (s *Session) tell(told notice) bool {
	select {
	case s.notices <- told:
		return true
	case <-s.done:
		return false
	}
}

func (s *Session) drain() {
	if s.state != active {
		return
	}
	s.state = draining
	s.outbox.stopCredit()
	if s.link != nil && s.link.isAttached() {
		s.link.say(&pb.AttachRequest{Frame: &pb.AttachRequest_Drain{Drain: &pb.Drain{}}})
	}
}

func (s *Session) leave(cause string) {
	if s.state == going || s.state == over {
		return
	}
	s.state = going
	s.outbox.stopCredit()
	s.giveUp(&s.successor)
	if s.link == nil || !s.link.isAttached() {
		s.end(nil)
		return
	}
	s.link.leave(cause)
	s.delay = time.After(leaveTimeout)
}

func (s *Session) end(failure error) {
	s.state = over
	s.err = failure
}

func (s *Session) giveUp(which **link) {
	if *which != nil {
		(*which).cut(errors.New("given up"))
		*which = nil
	}
}

func (s *Session) finish() {
	close(s.done)
	s.outbox.close()
	s.current.Store(nil)
	s.giveUp(&s.link)
	s.giveUp(&s.successor)
}
