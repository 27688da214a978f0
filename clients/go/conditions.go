package signalbox

import (
	"context"
	"iter"

	"google.golang.org/grpc"

	pb "github.com/signalbox/signalbox/clients/go/gen/signalbox/v1"
)

// ListConditions yields conditions across runs, the longest waiting first unless [ByDueTime] says otherwise: the
// open ones of the namespace that are not snoozed for a nil filter.
func (c *Client) ListConditions(
	ctx context.Context, filter *ConditionFilter, options ...CallOption,
) iter.Seq2[*Condition, error] {
	settings := c.read(options)
	filter = conditionsIn(filter, settings)
	return pages(ctx, func(ctx context.Context, token string) ([]*Condition, string, error) {
		request := &pb.ListConditionsRequest{
			Filter: filter, PageSize: settings.pageSize, PageToken: token, Order: settings.order,
		}
		response, err := c.raw.Conditions.ListConditions(ctx, request)
		return response.GetConditions(), response.GetNextPageToken(), err
	})
}

// GetCondition reads a condition by its whole name in the run, such as main/approve.
func (c *Client) GetCondition(
	ctx context.Context, runID, name string, options ...CallOption,
) (*Condition, error) {
	request := &pb.GetConditionRequest{Namespace: c.read(options).namespace, RunId: runID, Name: name}
	response, err := c.raw.Conditions.GetCondition(ctx, request)
	return response.GetCondition(), err
}

// Signalled says what became of a signal.
type Signalled struct {
	// Condition is the condition as it stands; nil while the signal is kept.
	Condition *Condition
	// Kept is true if the signal is kept for a condition that does not wait yet.
	Kept bool
	// Repeated is true if the condition had this very answer already.
	Repeated bool
}

// Signal answers a condition, by its whole name in the run, with a value of its type: see [NewValue], and
// [AsJSON] for a condition that asks for JSON. A condition takes one answer of each caller; the same again is fine.
// See [By], [Comment] and [Instance].
func (c *Client) Signal(
	ctx context.Context, runID, name string, answer any, options ...CallOption,
) (*Signalled, error) {
	settings := c.read(options)
	request := &pb.SignalConditionRequest{RunId: runID, Name: name, Instance: settings.instance}
	return c.signal(ctx, request, answer, settings)
}

// SignalByKey answers the one open condition of the namespace that has the correlation key, as [Client.Signal]
// does. If none is open it is refused, unless [KeepFor] says how long the signal waits for one.
func (c *Client) SignalByKey(
	ctx context.Context, correlationKey string, answer any, options ...CallOption,
) (*Signalled, error) {
	settings := c.read(options)
	request := &pb.SignalConditionRequest{
		CorrelationKey: correlationKey, KeepFor: durationOrNone(settings.keepFor),
	}
	return c.signal(ctx, request, answer, settings)
}

func (c *Client) signal(
	ctx context.Context, request *pb.SignalConditionRequest, answer any, settings callSettings,
) (*Signalled, error) {
	value, err := toValue(answer, "the answer")
	if err != nil {
		return nil, err
	}
	request.Value, request.Namespace, request.RequestId = value, settings.namespace, settings.requestID
	request.SignalledBy, request.Comment = settings.by, settings.comment
	response, err := c.raw.Conditions.SignalCondition(ctx, request)
	if err != nil {
		return nil, err
	}
	return &Signalled{response.GetCondition(), response.GetKept(), response.GetRepeated()}, nil
}

// ConditionFrame is one frame of watched conditions: in the snapshot a page of the open ones, later those that
// one transaction changed, as they stand. In Gone are those that it took out of what was asked for.
type ConditionFrame struct {
	*pb.WatchConditionsResponse
	// Restarted is true if a snapshot that was cut begins again: forget what its earlier frames said.
	Restarted bool
}

// WatchConditions yields the open conditions and then every change, without end and across cuts.
func (c *Client) WatchConditions(
	ctx context.Context, filter *ConditionFilter, options ...CallOption,
) iter.Seq2[ConditionFrame, error] {
	type response = pb.WatchConditionsResponse
	settings := c.read(options)
	filter = conditionsIn(filter, settings)
	frames := follow(ctx, c, watch[response]{
		open: func(ctx context.Context, cursor string) (grpc.ServerStreamingClient[response], error) {
			request := &pb.WatchConditionsRequest{Filter: filter, Cursor: cursor}
			return c.raw.Conditions.WatchConditions(ctx, request)
		},
		cursorOf: (*response).GetCursor,
		isBookmark: func(frame *response) bool {
			return !frame.GetSnapshot() &&
				len(frame.GetConditions())+len(frame.GetGone())+len(frame.GetEvents()) == 0
		},
		isLast: never[response],
	}, settings.cursor)
	return func(yield func(ConditionFrame, error) bool) {
		for frame, err := range frames {
			if !yield(ConditionFrame{frame.frame, frame.restarted}, err) {
				return
			}
		}
	}
}

func conditionsIn(filter *ConditionFilter, settings callSettings) *ConditionFilter {
	filter = cloneOrNew(filter)
	if filter.GetNamespace() == "" {
		filter.Namespace = settings.namespace
	}
	return filter
}
