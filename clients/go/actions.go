package signalbox

import (
	"context"
	"errors"
	"iter"

	pb "github.com/signalbox/signalbox/clients/go/gen/signalbox/v1"
)

// GetAction reads an action by its whole name in the run, such as main or main/approve.
func (c *Client) GetAction(
	ctx context.Context, runID, action string, options ...CallOption,
) (*Action, error) {
	request := &pb.GetActionRequest{Namespace: c.read(options).namespace, RunId: runID, Name: action}
	response, err := c.raw.Runs.GetAction(ctx, request)
	return response.GetAction(), err
}

// ListActions yields the actions of a run, by name.
func (c *Client) ListActions(
	ctx context.Context, runID string, options ...CallOption,
) iter.Seq2[*Action, error] {
	settings := c.read(options)
	return pages(ctx, func(ctx context.Context, token string) ([]*Action, string, error) {
		response, err := c.raw.Runs.ListActions(ctx, &pb.ListActionsRequest{
			Namespace: settings.namespace, RunId: runID, States: settings.states,
			PageSize: settings.pageSize, PageToken: token,
		})
		return response.GetActions(), response.GetNextPageToken(), err
	})
}

// ListAttempts reads the attempts of an action, the first one first.
func (c *Client) ListAttempts(
	ctx context.Context, runID, action string, options ...CallOption,
) ([]*Attempt, error) {
	request := &pb.ListAttemptsRequest{Namespace: c.read(options).namespace, RunId: runID, Name: action}
	response, err := c.raw.Runs.ListAttempts(ctx, request)
	return response.GetAttempts(), err
}

// ListTimeline yields the timeline of an attempt, the first entry first; attempt 0 is the current or last one.
func (c *Client) ListTimeline(
	ctx context.Context, runID, action string, attempt int, options ...CallOption,
) iter.Seq2[*TimelineEntry, error] {
	settings := c.read(options)
	return pages(ctx, func(ctx context.Context, token string) ([]*TimelineEntry, string, error) {
		response, err := c.raw.Runs.ListTimeline(ctx, &pb.ListTimelineRequest{
			Namespace: settings.namespace, RunId: runID, Name: action, Attempt: int32(attempt),
			PageSize: settings.pageSize, PageToken: token,
		})
		return response.GetEntries(), response.GetNextPageToken(), err
	})
}

// Explain says why an action does not run.
func (c *Client) Explain(
	ctx context.Context, runID, action string, options ...CallOption,
) (*Explanation, error) {
	request := &pb.ExplainActionRequest{Namespace: c.read(options).namespace, RunId: runID, Name: action}
	return c.raw.Runs.ExplainAction(ctx, request)
}

// End is how an operator ends an action: made by [EndSucceeded], [EndFailed] or [EndCancelled].
type End struct {
	state   ActionState
	outputs any
	err     error
}

// EndSucceeded ends an action with outputs: a map by name or a struct.
func EndSucceeded(outputs any) End { return End{state: ActionSucceeded, outputs: outputs} }

// EndFailed ends an action with an error; see [TypedError] and [NonRetryable].
func EndFailed(err error) End {
	if err == nil {
		err = errors.New("")
	}
	return End{state: ActionFailed, err: err}
}

// EndCancelled ends an action as cancelled.
func EndCancelled() End { return End{state: ActionCancelled} }

// EndAction ends an action by the word of an operator, whatever its worker does. See [Because].
func (c *Client) EndAction(
	ctx context.Context, runID, action string, end End, options ...CallOption,
) (*Action, error) {
	settings := c.read(options)
	outputs, err := toValues(end.outputs, "the output")
	if err != nil {
		return nil, err
	}
	request := &pb.EndActionRequest{
		Namespace: settings.namespace, RunId: runID, Name: action, State: end.state, Outputs: outputs,
		Cause: settings.cause, RequestId: settings.requestID,
	}
	if end.err != nil {
		request.Error = toActionError(end.err)
	}
	response, err := c.raw.Runs.EndAction(ctx, request)
	return response.GetAction(), err
}
