package signalbox

import (
	"context"
	"iter"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/emptypb"

	pb "github.com/signalbox/signalbox/clients/go/gen/signalbox/v1"
)

// EventFrame is one frame of the feed: all matching events of one transaction, or none in a bookmark, which
// only moves the cursor; before them, if asked for, runs as they stand. Who keeps the cursor of the last frame dealt
// with goes on there with [FromCursor].
type EventFrame struct {
	*pb.WatchEventsResponse
	// Restarted is true if a snapshot that was cut begins again: forget what its earlier frames said.
	Restarted bool
}

// WatchEvents yields the feed frame by frame, without end: what is committed from here on unless an option says
// otherwise; [FromLiveRuns] and [FromAllRuns] begin with the runs as they stand. It goes on by itself when the
// connection is cut or the server restarts: no event is left out and none comes twice. It ends with the context, or
// with a refusal such as CURSOR_EXPIRED.
func (c *Client) WatchEvents(
	ctx context.Context, filter *EventFilter, options ...CallOption,
) iter.Seq2[*EventFrame, error] {
	type response = pb.WatchEventsResponse
	settings := c.read(options)
	filter = eventsIn(filter, settings)
	frames := follow(ctx, c, watch[response]{
		open: func(ctx context.Context, cursor string) (grpc.ServerStreamingClient[response], error) {
			request := &pb.WatchEventsRequest{Filter: filter}
			if cursor == "" {
				request.Snapshot = settings.snapshot
			}
			switch {
			case cursor != "":
				request.Start = &pb.WatchEventsRequest_Cursor{Cursor: cursor}
			case settings.beginning:
				request.Start = &pb.WatchEventsRequest_Beginning{Beginning: &emptypb.Empty{}}
			default:
				request.Start = &pb.WatchEventsRequest_Now{Now: &emptypb.Empty{}}
			}
			return c.raw.Events.WatchEvents(ctx, request)
		},
		cursorOf:   (*response).GetCursor,
		isBookmark: func(frame *response) bool { return !frame.GetSnapshot() && len(frame.GetEvents()) == 0 },
		isLast:     never[response],
	}, settings.cursor)
	return func(yield func(*EventFrame, error) bool) {
		for frame, err := range frames {
			if !yield(&EventFrame{frame.frame, frame.restarted}, err) {
				return
			}
		}
	}
}

// FollowEvents yields the feed event by event, as WatchEvents does frame by frame.
func (c *Client) FollowEvents(
	ctx context.Context, filter *EventFilter, options ...CallOption,
) iter.Seq2[*Event, error] {
	return func(yield func(*Event, error) bool) {
		for frame, err := range c.WatchEvents(ctx, filter, options...) {
			if err != nil {
				yield(nil, err)
				return
			}
			for _, event := range frame.GetEvents() {
				if !yield(event, nil) {
					return
				}
			}
		}
	}
}

// ListEvents yields the events that are there already, in commit order, and ends at the head of the feed.
func (c *Client) ListEvents(
	ctx context.Context, filter *EventFilter, options ...CallOption,
) iter.Seq2[*Event, error] {
	settings := c.read(options)
	filter = eventsIn(filter, settings)
	return pages(ctx, func(ctx context.Context, token string) ([]*Event, string, error) {
		if token == "" {
			token = settings.cursor
		}
		request := &pb.ListEventsRequest{Filter: filter, PageSize: settings.pageSize, PageToken: token}
		response, err := c.raw.Events.ListEvents(ctx, request)
		if response.GetAtHead() {
			return response.GetEvents(), "", err
		}
		return response.GetEvents(), response.GetNextPageToken(), err
	})
}

// DescribeFeed says what the feed is, and how much of it is kept.
func (c *Client) DescribeFeed(ctx context.Context) (*FeedDescription, error) {
	return c.raw.Events.DescribeFeed(ctx, &pb.DescribeFeedRequest{})
}

// NewEvent is an event of a service's or a task's own.
type NewEvent struct {
	// RunID is the run it belongs to, if any. A task's events belong to its own run.
	RunID string
	// Action is the action it belongs to, if any; only with a run.
	Action string
	// Source says who publishes, as a name of its own choosing; a task's op unless said.
	Source string
	// Type says what kind of thing it is, as a name of its own choosing.
	Type string
	// Attributes are for filters of the reader's own.
	Attributes map[string]string
	// Payload is what it says: whatever encoding/json takes. nil says nothing.
	Payload any
}

func (e NewEvent) published() (*pb.Published, error) {
	published := &pb.Published{Source: e.Source, Type: e.Type, Attributes: e.Attributes}
	if e.Payload == nil {
		return published, nil
	}
	payload, err := toStructpb(e.Payload, "the payload")
	published.Payload = payload
	return published, err
}

// Publish puts events of a service's own into the feed, all of them in one transaction.
func (c *Client) Publish(ctx context.Context, events []NewEvent, options ...CallOption) error {
	settings := c.read(options)
	request := &pb.PublishEventsRequest{Namespace: settings.namespace, RequestId: settings.requestID}
	for _, event := range events {
		published, err := event.published()
		if err != nil {
			return err
		}
		request.Events = append(request.Events,
			&pb.NewEvent{RunId: event.RunID, Action: event.Action, Published: published})
	}
	_, err := c.raw.Events.PublishEvents(ctx, request)
	return err
}

func eventsIn(filter *EventFilter, settings callSettings) *EventFilter {
	filter = cloneOrNew(filter)
	if filter.GetNamespace() == "" {
		filter.Namespace = settings.namespace
	}
	return filter
}
