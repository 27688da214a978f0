package signalbox

import (
	"context"
	"iter"

	"google.golang.org/protobuf/proto"

	pb "github.com/signalbox/signalbox/clients/go/gen/signalbox/v1"
)

// CreateRun creates a run of one task or of a plan. When it returns, the run is durable.
func (c *Client) CreateRun(ctx context.Context, work Work, options ...RunOption) (*Run, error) {
	request, err := c.newRun(work, options)
	if err != nil {
		return nil, err
	}
	response, err := c.raw.Runs.CreateRun(ctx, request)
	return response.GetRun(), err
}

// NewRun is one run of many, for [Client.CreateRuns].
type NewRun struct {
	// Work is what it does.
	Work Work
	// Options are those of CreateRun.
	Options []RunOption
}

// CreatedRun is what became of one run of many: Run or Err.
type CreatedRun struct {
	Run *Run
	Err error
}

// CreateRuns creates many runs in one call, each by itself: at most 1,000, and 4 MiB of them. The results are in
// the order of the runs; one that is refused does not hold up another.
func (c *Client) CreateRuns(ctx context.Context, runs []NewRun) ([]CreatedRun, error) {
	batch := &pb.BatchCreateRunsRequest{}
	for _, run := range runs {
		request, err := c.newRun(run.Work, run.Options)
		if err != nil {
			return nil, err
		}
		if request.GetRequestId() == "" {
			request.RequestId = newRequestID()
		}
		batch.Requests = append(batch.Requests, request)
	}
	response, err := c.raw.Runs.BatchCreateRuns(ctx, batch)
	if err != nil {
		return nil, err
	}
	created := make([]CreatedRun, len(response.GetResults()))
	for index, result := range response.GetResults() {
		created[index].Run = result.GetRun()
		if refusal := result.GetRefusal(); refusal != nil {
			created[index].Err = refusedInAnswer(refusal)
		}
	}
	return created, nil
}

func (c *Client) newRun(work Work, options []RunOption) (*pb.CreateRunRequest, error) {
	settings := runSettings{run: &pb.NewRun{Namespace: c.settings.namespace}}
	for _, option := range options {
		option.applyRun(&settings)
	}
	if err := work.fill(settings.run); err != nil {
		return nil, err
	}
	return &pb.CreateRunRequest{Run: settings.run, RequestId: settings.requestID}, nil
}

// GetRun reads a run.
func (c *Client) GetRun(ctx context.Context, runID string, options ...CallOption) (*Run, error) {
	request := &pb.GetRunRequest{Namespace: c.read(options).namespace, RunId: runID}
	response, err := c.raw.Runs.GetRun(ctx, request)
	return response.GetRun(), err
}

// ListRuns yields runs, the newest first; a nil filter means all of the namespace.
func (c *Client) ListRuns(ctx context.Context, filter *RunFilter, options ...CallOption) iter.Seq2[*Run, error] {
	settings := c.read(options)
	filter = cloneOrNew(filter)
	if filter.GetNamespace() == "" {
		filter.Namespace = settings.namespace
	}
	return pages(ctx, func(ctx context.Context, token string) ([]*Run, string, error) {
		request := &pb.ListRunsRequest{Filter: filter, PageSize: settings.pageSize, PageToken: token}
		response, err := c.raw.Runs.ListRuns(ctx, request)
		return response.GetRuns(), response.GetNextPageToken(), err
	})
}

// CancelRun ends a run and everything in it that has not ended; running attempts are told and have their grace.
func (c *Client) CancelRun(ctx context.Context, runID string, options ...CallOption) (*Run, error) {
	settings := c.read(options)
	response, err := c.raw.Runs.CancelRun(ctx, &pb.CancelRunRequest{
		Namespace: settings.namespace, RunId: runID, RequestId: settings.requestID, Cause: settings.cause,
	})
	return response.GetRun(), err
}

// RetryRun opens an ended run again: what did not succeed gets new attempts. See [Force], [Everything] and, for what
// becomes of answers, [Replay].
func (c *Client) RetryRun(ctx context.Context, runID string, options ...CallOption) (*Run, error) {
	settings := c.read(options)
	response, err := c.raw.Runs.RetryRun(ctx, &pb.RetryRunRequest{
		Namespace: settings.namespace, RunId: runID, RequestId: settings.requestID,
		Force: settings.force || settings.everything, All: settings.everything,
		Replay: settings.replay, ReplayByCondition: settings.replayByCondition,
	})
	return response.GetRun(), err
}

// RunChange is what UpdateRun changes.
type RunChange struct {
	// Priority is the new one; nil leaves it.
	Priority *int32
	// SetLabels are set, beside those there are.
	SetLabels map[string]string
	// RemoveLabels are removed.
	RemoveLabels []string
}

// UpdateRun changes a run's priority or labels.
func (c *Client) UpdateRun(
	ctx context.Context, runID string, change RunChange, options ...CallOption,
) (*Run, error) {
	settings := c.read(options)
	response, err := c.raw.Runs.UpdateRun(ctx, &pb.UpdateRunRequest{
		Namespace: settings.namespace, RunId: runID, RequestId: settings.requestID,
		Priority: change.Priority, SetLabels: change.SetLabels, RemoveLabels: change.RemoveLabels,
	})
	return response.GetRun(), err
}

// cloneOrNew is a copy of a message, so that the caller's own stays as it is; an empty one for nil.
func cloneOrNew[T any, M interface {
	*T
	proto.Message
}](message M) M {
	if message == nil {
		return new(T)
	}
	return proto.Clone(message).(M)
}
