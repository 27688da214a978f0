package session

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	pb "github.com/signalbox/signalbox/clients/go/gen/signalbox/v1"
)

// Stream is one Attach stream.
type Stream interface {
	Send(*pb.AttachRequest) error
	Recv() (*pb.AttachResponse, error)
	CloseSend() error
}

// link is one stream to the server and its liveness.
//
//   - attaching: Attach is sent. Becomes attached with the answer, or closes when none comes in time.
//   - attached: frames flow; the link pulses, and closes itself when the server is silent for three intervals.
//   - leaving: Leave follows what is left to say, then the sending side ends.
//   - closed: the last state; the session decides what follows.
type link struct {
	takeFrame func() *pb.AttachRequest
	// Takes what the link tells its session. False once the session wants to hear no more.
	tell   func(notice) bool
	cancel context.CancelCauseFunc
	// Holds one token while there is something to send.
	wakes chan struct{}
	// True if a frame came since the last pulse.
	heard atomic.Bool

	mu         sync.Mutex
	state      linkState
	urgent     []*pb.AttachRequest
	farewell   *pb.AttachRequest
	attachedAt time.Time
}

type linkState int

const (
	attaching linkState = iota
	attached
	leaving
	closed
)

// notice is what a link tells its session: a frame, or why it closed, which is the last.
type notice struct {
	link  *link
	frame *pb.AttachResponse
	err   error
}

// openLink opens a stream and tells what comes on it, in order.
func openLink(
	open func(context.Context) (Stream, func(), error), attach *pb.Attach,
	takeFrame func() *pb.AttachRequest, tell func(notice) bool,
) *link {
	ctx, cancel := context.WithCancelCause(context.Background())
	l := &link{takeFrame: takeFrame, tell: tell, cancel: cancel, wakes: make(chan struct{}, 1)}
	go l.run(ctx, open, attach)
	return l
}

// run opens the stream and reads it to its end.
func (l *link) run(
	ctx context.Context, open func(context.Context) (Stream, func(), error), attach *pb.Attach,
) {
	timeout := time.AfterFunc(attachedTimeout, func() {
		l.cut(fmt.Errorf("the server did not answer Attach within %s", attachedTimeout))
	})
	defer timeout.Stop()
	stream, release, err := open(ctx)
	if err == nil {
		defer release()
		go l.sendAll(ctx, stream, attach)
		err = l.receive(ctx, stream, timeout)
	}
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	l.cut(err)
	l.tell(notice{link: l, err: err})
}

func (l *link) receive(ctx context.Context, stream Stream, timeout *time.Timer) error {
	isAnswered := false
	for {
		frame, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return errors.New("the server ended the stream")
		}
		if err != nil {
			return err
		}
		l.heard.Store(true)
		if answer := frame.GetAttached(); answer != nil && !isAnswered {
			isAnswered = true
			timeout.Stop()
			go l.pulse(ctx, answer.GetPulseInterval().AsDuration())
		}
		if !l.tell(notice{link: l, frame: frame}) {
			return errors.New("the session is over")
		}
	}
}

// attach lets frames flow: the session has taken the answer to Attach.
func (l *link) attach() {
	l.mu.Lock()
	if l.state == attaching {
		l.state = attached
		l.attachedAt = time.Now()
	}
	l.mu.Unlock()
	l.wake()
}

// isAttached reports whether frames may be sent.
func (l *link) isAttached() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state == attached
}

// history says whether the server had answered Attach, and whether the stream stood long enough to be a good one.
func (l *link) history() (wasAttached, wasStable bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	wasAttached = !l.attachedAt.IsZero()
	return wasAttached, wasAttached && time.Since(l.attachedAt) > stableStream
}

// wake says that there may be a frame to take.
func (l *link) wake() {
	select {
	case l.wakes <- struct{}{}:
	default:
	}
}

// say sends a frame ahead of all that waits.
func (l *link) say(frame *pb.AttachRequest) {
	l.mu.Lock()
	l.urgent = append(l.urgent, frame)
	l.mu.Unlock()
	l.wake()
}

// leave says goodbye after what waits, and ends the sending side. The server ends the stream then.
func (l *link) leave(cause string) {
	l.mu.Lock()
	if l.state == attached {
		l.state = leaving
		l.farewell = &pb.AttachRequest{Frame: &pb.AttachRequest_Leave{Leave: &pb.Leave{Cause: cause}}}
	}
	l.mu.Unlock()
	l.wake()
}

// cut ends the stream without a word. No frame is taken once it has returned.
func (l *link) cut(cause error) {
	l.mu.Lock()
	l.state = closed
	l.mu.Unlock()
	l.cancel(cause)
}

// sendAll sends Attach and then what there is to say, each frame when the one before is written.
func (l *link) sendAll(ctx context.Context, stream Stream, attach *pb.Attach) {
	frame := &pb.AttachRequest{Frame: &pb.AttachRequest_Attach{Attach: attach}}
	for {
		// Why sending failed is told where the stream is read.
		if stream.Send(frame) != nil {
			return
		}
		var isOver bool
		for frame, isOver = l.next(); frame == nil; frame, isOver = l.next() {
			if isOver {
				_ = stream.CloseSend()
				return
			}
			select {
			case <-l.wakes:
			case <-ctx.Done():
				return
			}
		}
	}
}

// next is the next frame to send; nil if there is none. isOver is true if there never will be one again.
func (l *link) next() (frame *pb.AttachRequest, isOver bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.state == attaching || l.state == closed {
		return nil, l.state == closed
	}
	if frame := shift(&l.urgent); frame != nil {
		return frame, false
	}
	if frame := l.takeFrame(); frame != nil {
		return frame, false
	}
	frame, l.farewell = l.farewell, nil
	return frame, frame == nil && l.state == leaving
}

// pulse renews the lease from a goroutine of its own, whatever else is sent, and notices a silent server.
func (l *link) pulse(ctx context.Context, interval time.Duration) {
	if interval <= 0 {
		interval = defaultPulseInterval
	}
	ticks := time.NewTicker(interval)
	defer ticks.Stop()
	// Pulses are counted and not time: after the whole process was halted, frames that came meanwhile are read
	// first.
	for silent := 0; ; silent++ {
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
			if l.heard.Swap(false) {
				silent = 0
			}
			if silent >= silentPulsesMax {
				l.cut(fmt.Errorf("the server was silent for %d pulses", silent))
				return
			}
			l.say(&pb.AttachRequest{Frame: &pb.AttachRequest_Pulse{Pulse: &pb.Pulse{}}})
		}
	}
}
