package signalbox

import (
	"fmt"
	"slices"
	"sync"

	"google.golang.org/protobuf/proto"

	"github.com/signalbox/signalbox/clients/go/internal/session"

	pb "github.com/signalbox/signalbox/clients/go/gen/signalbox/v1"
)

// children are those that one attempt asks for and waits for.
//
// A push of an end is lost if the stream breaks at that moment, so after each attach everything that is still
// waited for is asked for again: a child that exists is found by its name, and the answer says how it stands.
type children struct {
	// The parent's whole name, which the names of its children begin with.
	parent string
	post   func(*pb.AddActions)

	mu     sync.Mutex
	callID uint64
	byCall map[uint64]*childWait
	// All that is not yet answered or not yet ended, by the child's whole name.
	open     map[string][]*childWait
	closedBy error
}

// childWait is a child that is asked for, and what is waited for.
type childWait struct {
	name   string
	action *pb.NewAction
	// Closed when the server has answered; then the child is as it stood then.
	added chan struct{}
	asked *pb.Action
	// Closed when the child has ended; then it is as it ended. Never closed for a step, which the attempt ends.
	done  chan struct{}
	final *pb.Action
	// Why neither came; both channels are closed then.
	err error

	isAdded bool
	// An end was pushed before the call was answered. It may be that of a child which is open again by now.
	endedEarly bool
}

func newChildren(parent string, post func(*pb.AddActions)) *children {
	return &children{parent: parent, post: post, byCall: map[uint64]*childWait{}, open: map[string][]*childWait{}}
}

// add asks for a child, or finds the one of that name.
func (c *children) add(action *pb.NewAction) (*childWait, error) {
	if size := proto.Size(action); size > session.FrameBytesMax {
		return nil, fmt.Errorf("signalbox: the child %s takes %d bytes, and at most %d may be",
			action.GetName(), size, session.FrameBytesMax)
	}
	wait := &childWait{
		name: c.parent + "/" + action.GetName(), action: action,
		added: make(chan struct{}), done: make(chan struct{}),
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closedBy != nil {
		return nil, c.closedBy
	}
	c.open[wait.name] = append(c.open[wait.name], wait)
	c.ask(wait)
	return wait, nil
}

// answered takes the answer to a call.
func (c *children) answered(answer *pb.ActionsAdded) {
	c.mu.Lock()
	defer c.mu.Unlock()
	wait := c.byCall[answer.GetCallId()]
	delete(c.byCall, answer.GetCallId())
	switch {
	case wait == nil:
	case answer.GetRefusal() != nil:
		c.fail(wait, refusedInAnswer(answer.GetRefusal()))
	case len(answer.GetActions()) == 1:
		c.take(wait, answer.GetActions()[0])
	}
}

// ended takes the end of a child.
func (c *children) ended(child *pb.Action) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, wait := range slices.Clone(c.open[child.GetName()]) {
		if wait.isAdded {
			c.finish(wait, child)
		} else {
			wait.endedEarly = true
		}
	}
}

// reattached asks again for all that is waited for, since answers and ends on their way are lost with a stream.
func (c *children) reattached() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.byCall)
	for _, waits := range c.open {
		for _, wait := range waits {
			c.ask(wait)
		}
	}
}

// close ends every wait with the error.
func (c *children) close(cause error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closedBy == nil {
		c.closedBy = cause
	}
	for _, waits := range c.open {
		for _, wait := range slices.Clone(waits) {
			c.fail(wait, c.closedBy)
		}
	}
}

// leave waits for a child no longer.
func (c *children) leave(wait *childWait) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.forget(wait)
}

func (c *children) ask(wait *childWait) {
	c.callID++
	c.byCall[c.callID] = wait
	c.post(&pb.AddActions{CallId: c.callID, Actions: []*pb.NewAction{wait.action}})
}

func (c *children) take(wait *childWait, child *pb.Action) {
	if !wait.isAdded {
		wait.isAdded = true
		wait.asked = child
		close(wait.added)
	}
	switch {
	case hasActionEnded(child) || wait.action.GetTrace() != nil:
		c.finish(wait, child)
	case wait.endedEarly:
		wait.endedEarly = false
		c.ask(wait)
	}
}

func (c *children) finish(wait *childWait, child *pb.Action) {
	if !c.forget(wait) {
		return
	}
	if hasActionEnded(child) {
		wait.final = child
		close(wait.done)
	}
}

func (c *children) fail(wait *childWait, cause error) {
	if !c.forget(wait) {
		return
	}
	wait.err = cause
	if !wait.isAdded {
		close(wait.added)
	}
	close(wait.done)
}

// forget reports whether the wait was open until now.
func (c *children) forget(wait *childWait) bool {
	waits := c.open[wait.name]
	index := slices.Index(waits, wait)
	if index < 0 {
		return false
	}
	if len(waits) == 1 {
		delete(c.open, wait.name)
	} else {
		c.open[wait.name] = slices.Delete(slices.Clone(waits), index, index+1)
	}
	return true
}
