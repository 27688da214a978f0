package signalbox

import (
	"context"
	"iter"

	pb "github.com/signalbox/signalbox/clients/go/gen/signalbox/v1"
)

// SetLimit makes a limit, or changes the one of its name.
func (c *Client) SetLimit(ctx context.Context, limit *Limit, options ...CallOption) (*Limit, error) {
	settings := c.read(options)
	limit = cloneOrNew(limit)
	if limit.GetNamespace() == "" {
		limit.Namespace = settings.namespace
	}
	request := &pb.SetLimitRequest{Limit: limit, RequestId: settings.requestID}
	response, err := c.raw.Limits.SetLimit(ctx, request)
	return response.GetLimit(), err
}

// GetLimit reads a limit, and how much of it is in use.
func (c *Client) GetLimit(
	ctx context.Context, name string, options ...CallOption,
) (*Limit, []*LimitUse, error) {
	request := &pb.GetLimitRequest{Namespace: c.read(options).namespace, Name: name}
	response, err := c.raw.Limits.GetLimit(ctx, request)
	return response.GetLimit(), response.GetUses(), err
}

// ListLimits yields the limits of a namespace, by name.
func (c *Client) ListLimits(ctx context.Context, options ...CallOption) iter.Seq2[*Limit, error] {
	settings := c.read(options)
	return pages(ctx, func(ctx context.Context, token string) ([]*Limit, string, error) {
		response, err := c.raw.Limits.ListLimits(ctx, &pb.ListLimitsRequest{
			Namespace: settings.namespace, PageSize: settings.pageSize, PageToken: token,
		})
		return response.GetLimits(), response.GetNextPageToken(), err
	})
}

// DeleteLimit deletes a limit. What waited for it may be assigned.
func (c *Client) DeleteLimit(ctx context.Context, name string, options ...CallOption) error {
	settings := c.read(options)
	_, err := c.raw.Limits.DeleteLimit(ctx, &pb.DeleteLimitRequest{
		Namespace: settings.namespace, Name: name, RequestId: settings.requestID,
	})
	return err
}
