package signalbox

import (
	"context"
	"iter"

	pb "github.com/signalbox/signalbox/clients/go/gen/signalbox/v1"
)

// ListWorkers yields the workers that are attached or whose leases run, by name: those with all of the labels.
func (c *Client) ListWorkers(
	ctx context.Context, labels map[string]string, options ...CallOption,
) iter.Seq2[*AttachedWorker, error] {
	settings := c.read(options)
	return pages(ctx, func(ctx context.Context, token string) ([]*AttachedWorker, string, error) {
		response, err := c.raw.Workers.ListWorkers(ctx, &pb.ListWorkersRequest{
			Namespace: settings.namespace, PageSize: settings.pageSize, PageToken: token, Labels: labels,
		})
		return response.GetWorkers(), response.GetNextPageToken(), err
	})
}

// GetWorker reads a worker.
func (c *Client) GetWorker(
	ctx context.Context, workerID string, options ...CallOption,
) (*AttachedWorker, error) {
	request := &pb.GetWorkerRequest{Namespace: c.read(options).namespace, WorkerId: workerID}
	response, err := c.raw.Workers.GetWorker(ctx, request)
	return response.GetWorker(), err
}

// DrainWorker asks a worker to take no more work and to leave when it has none.
func (c *Client) DrainWorker(
	ctx context.Context, workerID string, options ...CallOption,
) (*AttachedWorker, error) {
	settings := c.read(options)
	response, err := c.raw.Workers.DrainWorker(ctx, &pb.DrainWorkerRequest{
		Namespace: settings.namespace, WorkerId: workerID, RequestId: settings.requestID,
	})
	return response.GetWorker(), err
}

// EvictWorker takes everything from a worker at once, and says how many attempts it held. See [Because].
func (c *Client) EvictWorker(ctx context.Context, workerID string, options ...CallOption) (int, error) {
	settings := c.read(options)
	response, err := c.raw.Workers.EvictWorker(ctx, &pb.EvictWorkerRequest{
		Namespace: settings.namespace, WorkerId: workerID, RequestId: settings.requestID, Cause: settings.cause,
	})
	return int(response.GetReleasedCount()), err
}
