package signalbox

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"

	"github.com/signalbox/signalbox/clients/go/internal/rules"
	"github.com/signalbox/signalbox/clients/go/internal/session"

	pb "github.com/signalbox/signalbox/clients/go/gen/signalbox/v1"
)

// Task is one attempt of a task, as the function that runs it sees it. It is safe for use by many goroutines.
// What is asked of it after the function has returned is [ErrAttemptEnded], and what is said is left out.
type Task struct {
	assignment *pb.Assignment
	namespace  string
	session    *session.Session
	attempt    *session.Attempt
	function   anyTask
	reports    *reports
	children   *children
	forget     func()

	ctx    context.Context
	cancel context.CancelCauseFunc
	beats  bool

	mu sync.Mutex
	// The function has returned.
	hasReturned bool
	// What it reports does not count: it is lost or given back.
	isSilenced bool
	// How many waits for children there are at the moment.
	waits int
	steps map[string]bool
}

// RunID is the run.
func (t *Task) RunID() string { return t.assignment.GetAttempt().GetRunId() }

// Action is the action's whole name in the run.
func (t *Task) Action() string { return t.assignment.GetAttempt().GetAction() }

// Attempt is the number of the attempt, from 1.
func (t *Task) Attempt() int { return int(t.assignment.GetAttempt().GetAttempt()) }

// Namespace is the run's namespace.
func (t *Task) Namespace() string { return t.namespace }

// Op is the op.
func (t *Task) Op() string { return t.assignment.GetOp() }

// OpVersion is the registered version that the task took its defaults from; 0 for none.
func (t *Task) OpVersion() int { return int(t.assignment.GetOpVersion()) }

// Labels are the labels of the run.
func (t *Task) Labels() map[string]string { return maps.Clone(t.assignment.GetRunLabels()) }

// Image is the container image that executes the task, if one is said.
func (t *Task) Image() string { return t.assignment.GetImage() }

// Handler is what executes the task, if that is said.
func (t *Task) Handler() string { return t.assignment.GetHandler() }

// Resources is what the task asked for, and holds.
func (t *Task) Resources() *Resources { return t.assignment.GetResources() }

// DeviceIndexes are the devices that the task was given.
func (t *Task) DeviceIndexes() []int32 { return slices.Clone(t.assignment.GetDeviceIndexes()) }

// Inputs are the inputs by name.
func (t *Task) Inputs() Values { return ValuesOf(t.assignment.GetInputs()) }

// Input is the input of that name; null if there is none.
func (t *Task) Input(name string) Value { return t.Inputs().Get(name) }

// Progress says how far the attempt is, from 0 to 100. Of many said quickly the latest is kept.
func (t *Task) Progress(percent float64, message string) { t.reports.progress(percent, message) }

// Log writes a line to the feed, at the level info. Lines over 1,000 that wait to be recorded are dropped, and a
// later line says how many.
func (t *Task) Log(message string) { t.reports.log(pb.LogLevel_LOG_LEVEL_INFO, message) }

// Logger writes its lines to the feed, with their levels and attributes.
func (t *Task) Logger() *slog.Logger { return slog.New(&feedLog{reports: t.reports}) }

// Heartbeat says that the attempt is alive, which progress and log lines say as well. A task that has a heartbeat
// timeout and works for longer than that without a word must say so from where it does its work, so that one
// that hangs is found out. While it waits for children the worker says it.
func (t *Task) Heartbeat() { t.reports.heartbeat() }

// Event publishes an event of the task's own in its run, and waits until it is durable. At most 1,000 may wait.
func (t *Task) Event(ctx context.Context, event NewEvent) error {
	if event.Source == "" {
		event.Source = t.Op()
	}
	published, err := event.published()
	if err != nil {
		return err
	}
	if err := checkEvent(published); err != nil {
		return err
	}
	return t.reports.event(ctx, published)
}

// check makes sure that what a task asks for breaks no bound of the contract.
func check(action *pb.NewAction, err error) (*pb.NewAction, error) {
	if err != nil {
		return nil, err
	}
	return action, rules.Check(action)
}
