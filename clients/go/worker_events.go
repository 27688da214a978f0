package signalbox

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/signalbox/signalbox/clients/go/internal/session"

	pb "github.com/signalbox/signalbox/clients/go/gen/signalbox/v1"
)

// workerEvents hands each attempt what the session hears about it. No method waits.
type workerEvents struct {
	worker *Worker
	// What the contexts of tasks come from.
	base context.Context
	log  *slog.Logger
}

func newWorkerEvents(worker *Worker, base context.Context) *workerEvents {
	log := worker.options.Logger
	if log == nil {
		log = slog.Default()
	}
	return &workerEvents{worker, base, log.With("worker", worker.options.ID)}
}

func (e *workerEvents) Attached(answer *pb.Attached) {
	e.log.Info("signalbox: the worker is attached", "session", answer.GetSessionId(),
		"kept", len(answer.GetKeep()), "dropped", len(answer.GetDrop()))
	for _, task := range e.all() {
		task.children.reattached()
	}
}

func (e *workerEvents) Detached(cause error, wait time.Duration) {
	e.log.Warn("signalbox: the worker has lost its server and attaches again", "cause", cause, "wait", wait)
}

func (e *workerEvents) Draining() {
	e.log.Info("signalbox: the worker is asked by its server to drain")
}

func (e *workerEvents) Declined(refusal *pb.Refusal) {
	e.log.Warn("signalbox: the server declined what the worker said", "refusal", refusedInAnswer(refusal))
}

func (e *workerEvents) Assigned(assignments []session.Assigned) {
	current := e.worker.session
	var accepted []*session.Attempt
	var tasks []*Task
	for _, given := range assignments {
		run := e.worker.tasks[given.Assignment.GetOp()]
		if run == nil {
			current.Decline(given.Attempt, "the worker has no task "+given.Assignment.GetOp())
			continue
		}
		task := newRunningTask(e, given, run)
		e.add(given.Attempt, task)
		accepted, tasks = append(accepted, given.Attempt), append(tasks, task)
	}
	if len(accepted) > 0 {
		current.Accept(accepted)
	}
	for _, task := range tasks {
		go task.run()
	}
}

func (e *workerEvents) Recorded(attempt *session.Attempt, sequence uint64, refusal *pb.Refusal) {
	if task := e.find(attempt); task != nil && task.recorded(sequence, refusal) {
		e.forget(attempt)
	}
}

func (e *workerEvents) Cancelled(attempt *session.Attempt, grace time.Duration, cause string) {
	if task := e.find(attempt); task != nil {
		task.interrupt(&CancelledError{Cause: cause, Grace: grace})
	}
}

func (e *workerEvents) ActionsAdded(attempt *session.Attempt, answer *pb.ActionsAdded) {
	if task := e.find(attempt); task != nil {
		task.children.answered(answer)
	}
}

func (e *workerEvents) ChildEnded(attempt *session.Attempt, child *pb.Action) {
	if task := e.find(attempt); task != nil {
		task.children.ended(child)
	}
}

func (e *workerEvents) Lost(attempt *session.Attempt, cause string) {
	if task := e.find(attempt); task != nil {
		e.log.Warn("signalbox: the worker has lost an attempt", "run", task.RunID(), "action", task.Action(),
			"attempt", task.Attempt(), "cause", cause)
		task.silence(&LostError{Cause: cause})
	}
}

func (e *workerEvents) add(attempt *session.Attempt, task *Task) {
	e.worker.mu.Lock()
	defer e.worker.mu.Unlock()
	e.worker.attempts[attempt] = task
}

func (e *workerEvents) forget(attempt *session.Attempt) {
	e.worker.mu.Lock()
	defer e.worker.mu.Unlock()
	delete(e.worker.attempts, attempt)
}

func (e *workerEvents) find(attempt *session.Attempt) *Task {
	e.worker.mu.Lock()
	defer e.worker.mu.Unlock()
	return e.worker.attempts[attempt]
}

func (e *workerEvents) all() []*Task {
	e.worker.mu.Lock()
	defer e.worker.mu.Unlock()
	return slices.Collect(maps.Values(e.worker.attempts))
}
