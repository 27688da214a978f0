package signalbox

import (
	"context"
	"iter"

	"google.golang.org/protobuf/types/known/fieldmaskpb"

	pb "github.com/signalbox/signalbox/clients/go/gen/signalbox/v1"
)

// RegisterOp registers an op, or a new version of one. The same content again returns the latest version.
func (c *Client) RegisterOp(ctx context.Context, op *Op, options ...CallOption) (*Op, error) {
	settings := c.read(options)
	request := &pb.RegisterOpRequest{Op: opIn(op, settings), RequestId: settings.requestID}
	response, err := c.raw.Ops.RegisterOp(ctx, request)
	return response.GetOp(), err
}

// GetOp reads an op: its latest version unless [Version] or [VersionName] says another.
func (c *Client) GetOp(ctx context.Context, name string, options ...CallOption) (*Op, error) {
	settings := c.read(options)
	response, err := c.raw.Ops.GetOp(ctx, &pb.GetOpRequest{
		Namespace: settings.namespace, Name: name, Version: settings.version, VersionName: settings.versionName,
	})
	return response.GetOp(), err
}

// ListOps yields the latest version of each op, by name. See [AllVersions] and [NamePrefix].
func (c *Client) ListOps(ctx context.Context, options ...CallOption) iter.Seq2[*Op, error] {
	settings := c.read(options)
	return pages(ctx, func(ctx context.Context, token string) ([]*Op, string, error) {
		response, err := c.raw.Ops.ListOps(ctx, &pb.ListOpsRequest{
			Namespace: settings.namespace, PageSize: settings.pageSize, PageToken: token,
			AllVersions: settings.allVersions, NamePrefix: settings.namePrefix,
		})
		return response.GetOps(), response.GetNextPageToken(), err
	})
}

// UpdateOp makes the next version of an op from its latest one and what is said. Fields are those to take, also
// where they are empty, by their names in the contract, such as retry or version_name; without any, what is set
// is taken and nothing is cleared.
func (c *Client) UpdateOp(ctx context.Context, op *Op, fields []string, options ...CallOption) (*Op, error) {
	settings := c.read(options)
	request := &pb.UpdateOpRequest{Op: opIn(op, settings), RequestId: settings.requestID}
	if len(fields) > 0 {
		request.UpdateMask = &fieldmaskpb.FieldMask{Paths: fields}
	}
	response, err := c.raw.Ops.UpdateOp(ctx, request)
	return response.GetOp(), err
}

// DeleteOp deletes an op with all its versions, or one [Version], and says how many versions that were. It is
// refused while tasks of it have not ended, unless with [Force].
func (c *Client) DeleteOp(ctx context.Context, name string, options ...CallOption) (int, error) {
	settings := c.read(options)
	response, err := c.raw.Ops.DeleteOp(ctx, &pb.DeleteOpRequest{
		Namespace: settings.namespace, Name: name, Version: settings.version,
		Force: settings.force, RequestId: settings.requestID,
	})
	return int(response.GetVersionCount()), err
}

// ValidateInputs checks inputs, a map by name or a struct, against an op as they stand. What is wrong is a
// [*RefusedError] with all violations at once.
func (c *Client) ValidateInputs(ctx context.Context, name string, inputs any, options ...CallOption) error {
	settings := c.read(options)
	values, err := toValues(inputs, "the input")
	if err != nil {
		return err
	}
	_, err = c.raw.Ops.ValidateInputs(ctx, &pb.ValidateInputsRequest{
		Namespace: settings.namespace, Name: name, Version: settings.version, Inputs: values,
	})
	return err
}

// PrepareInputs gives the inputs that a run of an op would start with: the same, with the defaults of what is
// missing. What is wrong is a [*RefusedError] with all violations at once.
func (c *Client) PrepareInputs(
	ctx context.Context, name string, inputs any, options ...CallOption,
) (Values, error) {
	settings := c.read(options)
	values, err := toValues(inputs, "the input")
	if err != nil {
		return Values{}, err
	}
	response, err := c.raw.Ops.PrepareInputs(ctx, &pb.PrepareInputsRequest{
		Namespace: settings.namespace, Name: name, Version: settings.version, Inputs: values,
	})
	return ValuesOf(response.GetInputs()), err
}

func opIn(op *Op, settings callSettings) *Op {
	op = cloneOrNew(op)
	if op.GetNamespace() == "" {
		op.Namespace = settings.namespace
	}
	return op
}
