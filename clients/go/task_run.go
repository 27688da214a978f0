package signalbox

import (
	"context"
	"errors"
	"runtime/debug"
	"time"

	"github.com/signalbox/signalbox/clients/go/internal/session"

	pb "github.com/signalbox/signalbox/clients/go/gen/signalbox/v1"
)

// beatIntervalMin is the shortest interval of heartbeats, however short the timeout.
const beatIntervalMin = 10 * time.Millisecond

// newRunningTask makes the attempt of an assignment; run starts it.
func newRunningTask(events *workerEvents, given session.Assigned, function anyTask) *Task {
	worker := events.worker
	ctx, cancel := context.WithCancelCause(events.base)
	reference := given.Assignment.GetAttempt()
	task := &Task{
		assignment: given.Assignment, namespace: reference.GetNamespace(), function: function,
		session: worker.session, attempt: given.Attempt, beats: worker.options.AutoHeartbeat,
		forget: func() { events.forget(given.Attempt) },
		ctx:    ctx, cancel: cancel, steps: map[string]bool{},
	}
	if task.namespace == "" {
		task.namespace = worker.options.Namespace
	}
	task.reports = newReports(func(message *pb.AttemptReport) {
		message.Attempt = reference
		task.session.Report(given.Attempt, message)
	})
	task.children = newChildren(reference.GetAction(), func(call *pb.AddActions) {
		call.Attempt = reference
		task.session.AddActions(given.Attempt, call)
	})
	return task
}

// run calls the function and reports how it ended.
func (t *Task) run() {
	if timeout := t.assignment.GetHeartbeatTimeout().AsDuration(); timeout > 0 {
		go t.beat(max(beatIntervalMin, timeout/3))
	}
	returned, err := t.call()
	var succeeded *pb.Succeeded
	if err == nil {
		succeeded, err = toOutcome(returned)
	}
	if err == nil {
		t.end(&pb.AttemptReport{Content: &pb.AttemptReport_Succeeded{Succeeded: succeeded}})
	} else {
		t.end(t.failed(err))
	}
}

// call calls the function. A panic is an error like any other.
func (t *Task) call() (returned any, err error) {
	defer func() {
		if value := recover(); value != nil {
			err = &panicError{value, string(debug.Stack())}
		}
	}()
	return t.function(t.ctx, t)
}

// failed is the report of an attempt that ended with an error: after a cancel it has stopped, else it has failed.
func (t *Task) failed(err error) *pb.AttemptReport {
	if errors.Is(context.Cause(t.ctx), ErrCancelled) {
		stopped := &pb.Stopped{Message: clip(err.Error(), causeLengthMax)}
		return &pb.AttemptReport{Content: &pb.AttemptReport_Stopped{Stopped: stopped}}
	}
	return &pb.AttemptReport{Content: &pb.AttemptReport_Failed{Failed: toActionError(err)}}
}

func (t *Task) end(report *pb.AttemptReport) {
	t.mu.Lock()
	t.hasReturned = true
	isSilenced := t.isSilenced
	t.mu.Unlock()
	if isSilenced {
		t.session.Settle(t.attempt)
		t.forget()
	} else {
		t.reports.end(report)
	}
	t.reports.close(ErrAttemptEnded)
	t.children.close(ErrAttemptEnded)
	t.cancel(ErrAttemptEnded)
}

// recorded takes the answer to a report, and reports whether the attempt is over with it.
func (t *Task) recorded(sequence uint64, refusal *pb.Refusal) bool {
	kind := t.reports.recorded(sequence, refusal)
	if kind == succeededReport && refusal != nil {
		// It runs on at the server until it hears of an end that it can take.
		failed := toActionError(NonRetryable(refusedInAnswer(refusal)))
		t.reports.end(&pb.AttemptReport{Content: &pb.AttemptReport_Failed{Failed: failed}})
		return false
	}
	return kind == succeededReport || kind == endReport
}

// silence ends the attempt without a word: nothing that it says counts any more.
func (t *Task) silence(cause error) {
	t.mu.Lock()
	t.isSilenced = true
	hasReturned := t.hasReturned
	t.mu.Unlock()
	t.interrupt(cause)
	t.reports.close(cause)
	if hasReturned {
		t.forget()
	}
}

// interrupt ends the context of a function that has not returned.
func (t *Task) interrupt(cause error) {
	t.mu.Lock()
	hasReturned := t.hasReturned
	t.mu.Unlock()
	if !hasReturned {
		t.cancel(cause)
		t.children.close(cause)
	}
}

// beat says that the attempt is alive: always if the worker is to, else while it waits for children.
func (t *Task) beat(interval time.Duration) {
	ticks := time.NewTicker(interval)
	defer ticks.Stop()
	for {
		select {
		case <-t.ctx.Done():
			return
		case <-ticks.C:
			t.mu.Lock()
			beats := t.beats || t.waits > 0
			t.mu.Unlock()
			if beats {
				t.reports.heartbeat()
			}
		}
	}
}
