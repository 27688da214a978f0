package session

import (
	"slices"
	"sync"
	"time"

	pb "github.com/signalbox/signalbox/clients/go/gen/signalbox/v1"
)

// outbox is what a worker holds and what it still has to say, across all its streams. It does no I/O: what tasks
// say, answers and the beginnings of streams go in; frames come out when the stream has room for one, and then
// with all that has gathered since the last.
//
// Nothing that was reported is forgotten before the server has recorded it: after restart, which begins a
// stream, starts that the server may not know of and all reports not yet recorded are sent again, in order.
// Calls for children are sent once; who waits for their answers asks again.
type outbox struct {
	namespace   string
	concurrency int
	// Says that there is a frame to take. Called without the lock.
	wake func()

	mu   sync.Mutex
	held map[string]*Attempt
	// Of each action that is held, the attempt under the highest epoch.
	latest map[string]*Attempt
	// Credits that the server has on this stream.
	openCredit int
	// Attempts that take up a place.
	occupied    int
	givesCredit bool
	isClosed    bool
	starts      []*Attempt
	calls       []*pb.AttachRequest
	reports     []*report
	declines    []*pb.AttachRequest
}

func newOutbox(namespace string, concurrency int, wake func()) *outbox {
	return &outbox{
		namespace: namespace, concurrency: concurrency, wake: wake,
		held: map[string]*Attempt{}, latest: map[string]*Attempt{}, givesCredit: true,
	}
}

// close says nothing by itself any more.
func (o *outbox) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.isClosed = true
}

// isEmpty reports whether nothing is held and nothing is left to say.
func (o *outbox) isEmpty() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.held) == 0 && len(o.declines) == 0
}

// inventory are the attempts whose leases are wanted: those that run and those whose end is not yet recorded.
func (o *outbox) inventory() []*pb.AttemptReference {
	o.mu.Lock()
	defer o.mu.Unlock()
	var wanted []*pb.AttemptReference
	for _, attempt := range o.held {
		if attempt.state != lost && len(wanted) < inventoryMax {
			wanted = append(wanted, attempt.reference)
		}
	}
	return wanted
}

// stopCredit gives no more credit from here on.
func (o *outbox) stopCredit() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.givesCredit = false
}

// restart begins a stream: what the stream before may not have brought across is to be sent.
func (o *outbox) restart() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.openCredit = 0
	o.starts, o.calls, o.reports = nil, nil, nil
	for _, attempt := range o.held {
		if attempt.state == accepted || attempt.state == ended {
			attempt.startSaid = false
			o.starts = append(o.starts, attempt)
			o.reports = append(o.reports, attempt.unrecorded...)
		}
	}
}

// find is the attempt of a reference, if it is held and not lost.
func (o *outbox) find(reference *pb.AttemptReference) *Attempt {
	o.mu.Lock()
	defer o.mu.Unlock()
	attempt := o.held[key(reference, o.namespace)]
	if attempt == nil || attempt.state == lost {
		return nil
	}
	return attempt
}

// accept says that tasks start: in a moment, since what a short task reports says it as well.
func (o *outbox) accept(attempts []*Attempt) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, attempt := range attempts {
		if attempt.state == assigned {
			attempt.state = accepted
		}
	}
	time.AfterFunc(startDelay, func() {
		o.mu.Lock()
		isUnsaid := !o.isClosed && slices.ContainsFunc(attempts, (*Attempt).isUnsaid)
		if isUnsaid {
			o.starts = append(o.starts, attempts...)
		}
		o.mu.Unlock()
		if isUnsaid {
			o.wake()
		}
	})
}

// decline gives an attempt back that does not start here.
func (o *outbox) decline(attempt *Attempt, cause string) {
	o.mu.Lock()
	if attempt.state != lost {
		decline := &pb.Decline{Attempt: attempt.reference, Cause: cause}
		o.declines = append(o.declines, &pb.AttachRequest{Frame: &pb.AttachRequest_Decline{Decline: decline}})
		o.occupy(attempt, func() { attempt.isWaiting, attempt.isSettled = false, true })
		o.forget(attempt)
	}
	o.mu.Unlock()
	o.wake()
}

// report keeps a report until it is recorded, and sends it.
func (o *outbox) report(attempt *Attempt, message *pb.AttemptReport) {
	o.mu.Lock()
	if attempt.state != lost {
		waiting := newReport(attempt, message)
		if isEnd(message) {
			attempt.state = ended
			o.occupy(attempt, func() { attempt.isWaiting, attempt.isSettled = false, true })
		}
		attempt.unrecorded = append(attempt.unrecorded, waiting)
		o.reports = append(o.reports, waiting)
	}
	o.mu.Unlock()
	o.wake()
}

// call sends a call for children on the stream that is open.
func (o *outbox) call(attempt *Attempt, call *pb.AddActions) {
	o.mu.Lock()
	if attempt.state != lost {
		o.calls = append(o.calls, &pb.AttachRequest{Frame: &pb.AttachRequest_AddActions{AddActions: call}})
	}
	o.mu.Unlock()
	o.wake()
}

// wait notes that the task waits for a child and another may have its place meanwhile, or no longer does.
func (o *outbox) wait(attempt *Attempt, isWaiting bool) {
	o.mu.Lock()
	o.occupy(attempt, func() { attempt.isWaiting = isWaiting })
	o.mu.Unlock()
	o.wake()
}

// settle notes that the task has returned without a report of its end, and its place is free.
func (o *outbox) settle(attempt *Attempt) {
	o.mu.Lock()
	o.occupy(attempt, func() { attempt.isWaiting, attempt.isSettled = false, true })
	o.forgetIfOver(attempt)
	o.mu.Unlock()
	o.wake()
}

// answered is what became of one report of an attempt.
type answered struct {
	attempt  *Attempt
	sequence uint64
	refusal  *pb.Refusal
	isLost   bool
}

// recorded takes the answers to reports: the recorded are forgotten, and so are the refused. An attempt whose
// lease has moved on is lost.
func (o *outbox) recorded(answers []*pb.RecordedReport) []answered {
	o.mu.Lock()
	defer o.mu.Unlock()
	var taken []answered
	for _, answer := range answers {
		attempt := o.held[key(answer.GetAttempt(), o.namespace)]
		if attempt == nil {
			continue
		}
		waiting, index := attempt.find(answer.GetSequence())
		if waiting == nil {
			continue
		}
		waiting.isOver = true
		attempt.unrecorded = slices.Delete(attempt.unrecorded, index, index+1)
		refusal := answer.GetRefusal()
		isLost := refusal != nil && EndsAttempt(refusal, waiting.message)
		switch {
		case refusal == nil:
			attempt.startConfirmed = true
		case isLost:
			o.loseLocked(attempt)
		case waiting.message.GetSucceeded() != nil:
			// A refused success leaves the attempt running at the server; a failure is reported instead.
			attempt.state = accepted
		}
		taken = append(taken, answered{attempt, answer.GetSequence(), refusal, isLost})
		o.forgetIfOver(attempt)
	}
	return taken
}

// lose forgets what an attempt has to say, since nothing it says counts any more.
func (o *outbox) lose(attempt *Attempt) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.loseLocked(attempt)
}

func (o *outbox) loseLocked(attempt *Attempt) {
	attempt.state = lost
	for _, waiting := range attempt.unrecorded {
		waiting.isOver = true
	}
	attempt.unrecorded = nil
	o.forgetIfOver(attempt)
}

// occupy changes whether an attempt takes up a place.
func (o *outbox) occupy(attempt *Attempt, change func()) {
	if attempt.holdsPlace() {
		o.occupied--
	}
	change()
	if attempt.holdsPlace() {
		o.occupied++
	}
}

func (o *outbox) forgetIfOver(attempt *Attempt) {
	isOver := attempt.state == ended || attempt.state == lost
	if attempt.isSettled && len(attempt.unrecorded) == 0 && isOver {
		o.forget(attempt)
	}
}

func (o *outbox) forget(attempt *Attempt) {
	delete(o.held, key(attempt.reference, o.namespace))
	if action := actionKey(attempt.reference, o.namespace); o.latest[action] == attempt {
		delete(o.latest, action)
	}
}
