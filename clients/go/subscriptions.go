package signalbox

import (
	"context"
	"iter"

	"google.golang.org/protobuf/types/known/emptypb"

	pb "github.com/signalbox/signalbox/clients/go/gen/signalbox/v1"
)

// CreateSubscription creates a subscription, which keeps its place in the feed from here on ([FromBeginning]:
// from the oldest event that is kept). One without a target is consumed with [Client.Subscribe]. The secret of
// a webhook is in the answer, and never again.
func (c *Client) CreateSubscription(
	ctx context.Context, subscription *Subscription, options ...CallOption,
) (*Subscription, error) {
	settings := c.read(options)
	subscription = cloneOrNew(subscription)
	if subscription.GetNamespace() == "" {
		subscription.Namespace = settings.namespace
	}
	if subscription.GetTarget() == nil {
		subscription.Target = &pb.Subscription_Pull{Pull: &emptypb.Empty{}}
	}
	request := &pb.CreateSubscriptionRequest{Subscription: subscription, RequestId: settings.requestID}
	if settings.beginning {
		request.Start = &pb.CreateSubscriptionRequest_Beginning{Beginning: &emptypb.Empty{}}
	}
	response, err := c.raw.Subscriptions.CreateSubscription(ctx, request)
	return response.GetSubscription(), err
}

// GetSubscription reads a subscription and where it stands.
func (c *Client) GetSubscription(
	ctx context.Context, name string, options ...CallOption,
) (*Subscription, error) {
	request := &pb.GetSubscriptionRequest{Namespace: c.read(options).namespace, Name: name}
	response, err := c.raw.Subscriptions.GetSubscription(ctx, request)
	return response.GetSubscription(), err
}

// ListSubscriptions yields the subscriptions of a namespace, by name.
func (c *Client) ListSubscriptions(
	ctx context.Context, options ...CallOption,
) iter.Seq2[*Subscription, error] {
	settings := c.read(options)
	return pages(ctx, func(ctx context.Context, token string) ([]*Subscription, string, error) {
		response, err := c.raw.Subscriptions.ListSubscriptions(ctx, &pb.ListSubscriptionsRequest{
			Namespace: settings.namespace, PageSize: settings.pageSize, PageToken: token,
		})
		return response.GetSubscriptions(), response.GetNextPageToken(), err
	})
}

// DeleteSubscription deletes a subscription with its place and what it set aside.
func (c *Client) DeleteSubscription(ctx context.Context, name string, options ...CallOption) error {
	settings := c.read(options)
	_, err := c.raw.Subscriptions.DeleteSubscription(ctx, &pb.DeleteSubscriptionRequest{
		Namespace: settings.namespace, Name: name, RequestId: settings.requestID,
	})
	return err
}

// ListDeadLetters yields what a subscription set aside, the oldest event first.
func (c *Client) ListDeadLetters(
	ctx context.Context, name string, options ...CallOption,
) iter.Seq2[*DeadLetter, error] {
	settings := c.read(options)
	return pages(ctx, func(ctx context.Context, token string) ([]*DeadLetter, string, error) {
		response, err := c.raw.Subscriptions.ListDeadLetters(ctx, &pb.ListDeadLettersRequest{
			Namespace: settings.namespace, Name: name, PageSize: settings.pageSize, PageToken: token,
		})
		return response.GetDeadLetters(), response.GetNextPageToken(), err
	})
}

// RedeliverDeadLetters delivers again what a subscription set aside: these events, or all, 1,000 at a time,
// without any. It says how many.
func (c *Client) RedeliverDeadLetters(
	ctx context.Context, name string, eventIDs []string, options ...CallOption,
) (int, error) {
	return c.releaseDeadLetters(ctx, name, eventIDs, false, options)
}

// ForgetDeadLetters forgets what a subscription set aside: these events, or all, 1,000 at a time, without any.
// It says how many.
func (c *Client) ForgetDeadLetters(
	ctx context.Context, name string, eventIDs []string, options ...CallOption,
) (int, error) {
	return c.releaseDeadLetters(ctx, name, eventIDs, true, options)
}

func (c *Client) releaseDeadLetters(
	ctx context.Context, name string, eventIDs []string, forget bool, options []CallOption,
) (int, error) {
	settings := c.read(options)
	response, err := c.raw.Subscriptions.ReleaseDeadLetters(ctx, &pb.ReleaseDeadLettersRequest{
		Namespace: settings.namespace, Name: name, EventIds: eventIDs, Forget: forget,
		RequestId: settings.requestID,
	})
	return int(response.GetReleasedCount()), err
}
