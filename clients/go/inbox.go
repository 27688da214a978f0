package signalbox

import (
	"context"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/signalbox/signalbox/clients/go/gen/signalbox/v1"
)

// ClaimCondition says that the caller is on it; with [Force] also if somebody else is. Others still may answer.
func (c *Client) ClaimCondition(
	ctx context.Context, runID, name string, options ...CallOption,
) (*Condition, error) {
	settings := c.read(options)
	response, err := c.raw.Conditions.ClaimCondition(ctx, &pb.ClaimConditionRequest{
		Namespace: settings.namespace, RunId: runID, Name: name,
		RequestId: settings.requestID, Force: settings.force,
	})
	return response.GetCondition(), err
}

// ReleaseCondition says that nobody is on it; with [Force] also if somebody else is.
func (c *Client) ReleaseCondition(
	ctx context.Context, runID, name string, options ...CallOption,
) (*Condition, error) {
	settings := c.read(options)
	response, err := c.raw.Conditions.ReleaseCondition(ctx, &pb.ReleaseConditionRequest{
		Namespace: settings.namespace, RunId: runID, Name: name,
		RequestId: settings.requestID, Force: settings.force,
	})
	return response.GetCondition(), err
}

// DelegateCondition hands the caller's right to answer on to another subject.
func (c *Client) DelegateCondition(
	ctx context.Context, runID, name, to string, options ...CallOption,
) (*Condition, error) {
	settings := c.read(options)
	response, err := c.raw.Conditions.DelegateCondition(ctx, &pb.DelegateConditionRequest{
		Namespace: settings.namespace, RunId: runID, Name: name, RequestId: settings.requestID, To: to,
	})
	return response.GetCondition(), err
}

// SnoozeCondition takes it out of sight until a time; with the zero time it is in sight again.
func (c *Client) SnoozeCondition(
	ctx context.Context, runID, name string, until time.Time, options ...CallOption,
) (*Condition, error) {
	settings := c.read(options)
	response, err := c.raw.Conditions.SnoozeCondition(ctx, &pb.SnoozeConditionRequest{
		Namespace: settings.namespace, RunId: runID, Name: name,
		RequestId: settings.requestID, EndTime: timeOrNone(until),
	})
	return response.GetCondition(), err
}

// ExtendCondition moves the time at which it stops waiting; with the zero time it waits without end.
func (c *Client) ExtendCondition(
	ctx context.Context, runID, name string, deadline time.Time, options ...CallOption,
) (*Condition, error) {
	settings := c.read(options)
	response, err := c.raw.Conditions.ExtendCondition(ctx, &pb.ExtendConditionRequest{
		Namespace: settings.namespace, RunId: runID, Name: name,
		RequestId: settings.requestID, DeadlineTime: timeOrNone(deadline),
	})
	return response.GetCondition(), err
}

// CreateAnswerLink makes a link that answers the condition once, without other credentials. Who has it can answer:
// it is a secret. It answers in the name of the caller unless [LinkSubject] says another one, and may be used as
// long as the condition waits unless [LinkLifetime] says otherwise.
func (c *Client) CreateAnswerLink(
	ctx context.Context, runID, name string, options ...CallOption,
) (*AnswerLink, error) {
	settings := c.read(options)
	return c.raw.Conditions.CreateAnswerLink(ctx, &pb.CreateAnswerLinkRequest{
		Namespace: settings.namespace, RunId: runID, Name: name,
		Subject: settings.linkSubject, Lifetime: durationOrNone(settings.linkLifetime),
	})
}

// timeOrNone is nil for the zero time.
func timeOrNone(at time.Time) *timestamppb.Timestamp {
	if at.IsZero() {
		return nil
	}
	return timestamppb.New(at)
}
