package signalbox

import (
	"context"
	"fmt"
	"iter"

	"google.golang.org/grpc"

	pb "github.com/signalbox/signalbox/clients/go/gen/signalbox/v1"
)

// RunFrame is one frame of a followed run. In the snapshot with which it begins it has the run and a page of
// its actions; later the events of one transaction, with the run and the actions they changed, as these stand.
type RunFrame struct {
	*pb.WatchRunResponse
	// Restarted is true if a snapshot that was cut begins again: forget what its earlier frames said.
	Restarted bool
}

// FollowRun yields a run as it stands and then every change, until it has ended. It goes on by itself when the
// connection is cut or the server restarts; nothing is left out and nothing comes twice.
func (c *Client) FollowRun(
	ctx context.Context, runID string, options ...CallOption,
) iter.Seq2[RunFrame, error] {
	settings := c.read(options)
	frames := follow(ctx, c, watch[pb.WatchRunResponse]{
		open: func(ctx context.Context, cursor string) (grpc.ServerStreamingClient[pb.WatchRunResponse], error) {
			request := &pb.WatchRunRequest{Namespace: settings.namespace, RunId: runID, Cursor: cursor}
			return c.raw.Runs.WatchRun(ctx, request)
		},
		cursorOf: (*pb.WatchRunResponse).GetCursor,
		isBookmark: func(frame *pb.WatchRunResponse) bool {
			return !frame.GetEnded() && frame.GetRun() == nil && len(frame.GetActions())+len(frame.GetEvents()) == 0
		},
		isLast: (*pb.WatchRunResponse).GetEnded,
	}, settings.cursor)
	return func(yield func(RunFrame, error) bool) {
		for frame, err := range frames {
			if !yield(RunFrame{frame.frame, frame.restarted}, err) {
				return
			}
		}
	}
}

// WaitRun waits until a run has ended, and returns it. How it ended is in its state; [Result] makes an error of
// what is no success.
func (c *Client) WaitRun(ctx context.Context, runID string, options ...CallOption) (*Run, error) {
	var run *Run
	for frame, err := range c.FollowRun(ctx, runID, options...) {
		if err != nil {
			return nil, err
		}
		if frame.GetRun() != nil {
			run = frame.GetRun()
		}
	}
	if run == nil {
		return c.GetRun(ctx, runID, options...)
	}
	return run, nil
}

// HasEnded reports whether a run has reached its end.
func HasEnded(run *Run) bool {
	switch run.GetState() {
	case RunSucceeded, RunFailed, RunCancelled, RunTimedOut:
		return true
	default:
		return false
	}
}

// Result is what the only task of a run put out, or a [*RunFailedError] if it ended otherwise or has not ended.
func Result(run *Run) (Values, error) {
	if run.GetState() != RunSucceeded {
		failed := &RunFailedError{RunID: run.GetRunId(), State: run.GetState()}
		if run.GetError() != nil {
			failed.Err = readActionError(run.GetError())
		}
		return Values{}, failed
	}
	return ValuesOf(run.GetOutputs()), nil
}

// RunFailedError is a run that did not succeed.
type RunFailedError struct {
	// RunID is the run.
	RunID string
	// State is how it ended, or where it stands.
	State RunState
	// Err is the first error of an action at its top; nil if there was none.
	Err *ActionError
}

// Error says how the run ended, and why.
func (e *RunFailedError) Error() string {
	text := fmt.Sprintf("signalbox: the run %s is %s", e.RunID, nameState(e.State.String()))
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns the error of the action.
func (e *RunFailedError) Unwrap() error {
	if e.Err == nil {
		return nil
	}
	return e.Err
}
