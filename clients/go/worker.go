package signalbox

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/signalbox/signalbox/clients/go/internal/rules"
	"github.com/signalbox/signalbox/clients/go/internal/session"

	pb "github.com/signalbox/signalbox/clients/go/gen/signalbox/v1"
)

// ErrSuperseded is how Run ends when another process attached under the worker's name.
var ErrSuperseded = session.ErrSuperseded

// TaskFunc runs one attempt of a task and returns its outputs by name. An error fails the attempt, and the
// task's retry policy decides what follows; see [NonRetryable] and [TypedError]. So does a panic, which the
// worker outlives.
//
// The context ends when the attempt must: context.Cause(ctx) says why (a [*CancelledError], [ErrLost],
// [ErrWorkerStopped]). A function that returns an error after a cancel has stopped the attempt in order.
//
// It is called at least once for each attempt and may be called again for a later one, so that what it does to
// the outside must bear being done twice, or be a [Step].
type TaskFunc func(ctx context.Context, task *Task) (Outputs, error)

// anyTask runs a task whose result is yet to be turned into outputs.
type anyTask func(ctx context.Context, task *Task) (any, error)

// Worker executes tasks for a server. It keeps its attempts when the connection is cut or the server restarts:
// tasks notice nothing, and what they said is said again until it is durable.
type Worker struct {
	client  *Client
	options WorkerOptions
	tasks   map[string]anyTask
	errs    []error

	mu       sync.Mutex
	session  *session.Session
	attempts map[*session.Attempt]*Task
}

// NewWorker makes a worker of the client's server. It does nothing before it is told its tasks and run.
func NewWorker(client *Client, options WorkerOptions) *Worker {
	if options.ID == "" {
		options.ID = nameWorker()
	}
	if options.Namespace == "" {
		options.Namespace = client.settings.namespace
	}
	if options.Concurrency == 0 {
		options.Concurrency = defaultConcurrency
	}
	return &Worker{
		client: client, options: options,
		tasks: map[string]anyTask{}, attempts: map[*session.Attempt]*Task{},
	}
}

// ID is the worker's name.
func (w *Worker) ID() string { return w.options.ID }

// Handle says what runs tasks of an op. All ops are named before Run, each once.
func (w *Worker) Handle(op string, run TaskFunc) {
	w.handle(op, func(ctx context.Context, task *Task) (any, error) {
		outputs, err := run(ctx, task)
		return outputs, err
	})
}

// HandleFunc says what runs tasks of an op, with typed inputs and outputs. Inputs are decoded into In as
// json.Unmarshal does, by name; inputs that do not fit fail the action for good, as InputInvalid. A struct or a
// map that is returned is outputs by name, nil and struct{} are none, and anything else is the output value.
func HandleFunc[In, Out any](w *Worker, op string, run func(context.Context, *Task, In) (Out, error)) {
	w.handle(op, func(ctx context.Context, task *Task) (any, error) {
		var inputs In
		if err := task.Inputs().Decode(&inputs); err != nil {
			return nil, NonRetryable(TypedError("InputInvalid", err))
		}
		return run(ctx, task, inputs)
	})
}

func (w *Worker) handle(op string, run anyTask) {
	if w.tasks[op] != nil {
		w.errs = append(w.errs, fmt.Errorf("signalbox: the op %s is handled twice", op))
	}
	w.tasks[op] = run
}

// Run attaches and executes tasks until the context ends; then it takes no more work, lets what runs finish and
// be recorded (see WorkerOptions.DrainTimeout), and leaves. It also ends, without an error, when an operator
// drains the worker. While the server is away it attaches again for as long as it takes.
//
// It returns an error if it must not go on: [ErrSuperseded], or a refusal of this worker as it is. It is called
// once.
func (w *Worker) Run(ctx context.Context) error {
	current, err := w.start(ctx)
	if err != nil {
		return err
	}
	finished := make(chan struct{})
	stopWatching := context.AfterFunc(ctx, func() { w.stop(current, finished) })
	err = current.Run()
	stopWatching()
	close(finished)
	w.giveBack()
	if err != nil && !errors.Is(err, ErrSuperseded) {
		return readError(context.Background(), err)
	}
	return err
}

// start checks the worker as it is, and makes its session.
func (w *Worker) start(ctx context.Context) (*session.Session, error) {
	if err := errors.Join(w.errs...); err != nil {
		return nil, err
	}
	if w.options.Concurrency < 1 || w.options.Concurrency > session.ConcurrencyMax {
		return nil, fmt.Errorf("signalbox: the concurrency is %d, and is to be 1 to %d",
			w.options.Concurrency, session.ConcurrencyMax)
	}
	attach := w.attachMessage()
	if err := rules.Check(attach); err != nil {
		return nil, fmt.Errorf("signalbox: the worker: %w", err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.session != nil {
		return nil, errors.New("signalbox: a worker is run once")
	}
	w.session = session.New(session.Options{
		Open: w.openStream, Attach: attach, Concurrency: w.options.Concurrency,
		// Tasks outlive the context of Run, and keep what it carries.
		Events: newWorkerEvents(w, context.WithoutCancel(ctx)),
	})
	return w.session, nil
}

func (w *Worker) attachMessage() *pb.Attach {
	return &pb.Attach{
		WorkerId: w.options.ID, Incarnation: randomHex(16), Namespace: w.options.Namespace,
		Ops: slices.Sorted(maps.Keys(w.tasks)), Labels: w.options.Labels, Capacity: w.options.Capacity,
		Taints: w.options.Taints, SharedNamespaces: w.options.SharedNamespaces,
	}
}

// openStream opens an Attach stream on a connection of its own.
func (w *Worker) openStream(ctx context.Context) (session.Stream, func(), error) {
	connection, err := w.client.connect()
	if err != nil {
		return nil, nil, err
	}
	release := func() { _ = connection.Close() }
	stream, err := pb.NewWorkerServiceClient(connection).Attach(ctx)
	if err != nil {
		release()
		return nil, nil, err
	}
	return stream, release, nil
}

// stop drains, and leaves when the time for that is over.
func (w *Worker) stop(current *session.Session, finished <-chan struct{}) {
	current.Drain()
	if w.options.DrainTimeout <= 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), w.options.DrainTimeout)
	defer cancel()
	select {
	case <-finished:
	case <-ctx.Done():
		current.Leave("the worker stops")
	}
}

// giveBack ends what still runs, since the worker has left.
func (w *Worker) giveBack() {
	w.mu.Lock()
	held := slices.Collect(maps.Values(w.attempts))
	w.mu.Unlock()
	for _, task := range held {
		task.silence(ErrWorkerStopped)
	}
}
