package signalbox

import (
	"context"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// tryCall makes one call of as many tries as it takes: until there is an answer, a refusal, or no time left.
// What changes something gets its request id before the first try, so that it is done once.
func (c *Client) tryCall(
	ctx context.Context, method string, request, reply any,
	connection *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption,
) error {
	request = withRequestID(request)
	policy := c.settings.retry
	endsAt := time.Now().Add(policy.retryFor)
	for tries := 1; ; tries++ {
		tryCtx, cancel := context.WithTimeout(ctx, policy.tryTimeout)
		err := invoke(tryCtx, method, request, reply, connection, options...)
		cancel()
		if err == nil || ctx.Err() != nil || !isTransient(err) {
			return readError(ctx, err)
		}
		wait := policy.wait(tries, err)
		if time.Now().Add(wait).After(endsAt) {
			return &UnavailableError{Target: c.settings.target, Tries: tries, Err: readError(ctx, err)}
		}
		if err := sleep(ctx, wait); err != nil {
			return err
		}
	}
}

// withRequestID is the request, with a request id if it takes one and has none. The caller's own message stays
// as it is.
func withRequestID(request any) any {
	message, ok := request.(proto.Message)
	if !ok {
		return request
	}
	if field := requestIDField(message); field != nil && message.ProtoReflect().Get(field).String() == "" {
		message = proto.Clone(message)
		message.ProtoReflect().Set(field, protoreflect.ValueOfString(newRequestID()))
		return message
	}
	return request
}

func requestIDField(message proto.Message) protoreflect.FieldDescriptor {
	return message.ProtoReflect().Descriptor().Fields().ByName("request_id")
}

// sendHeaders sends the client's headers with a call.
func (s dialSettings) sendHeaders(
	ctx context.Context, method string, request, reply any,
	connection *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption,
) error {
	return invoke(s.outgoing(ctx), method, request, reply, connection, options...)
}

// sendStreamHeaders sends the client's headers with a stream.
func (s dialSettings) sendStreamHeaders(
	ctx context.Context, description *grpc.StreamDesc, connection *grpc.ClientConn,
	method string, open grpc.Streamer, options ...grpc.CallOption,
) (grpc.ClientStream, error) {
	return open(s.outgoing(ctx), description, connection, method, options...)
}

func (s dialSettings) outgoing(ctx context.Context) context.Context {
	if len(s.headers) == 0 {
		return ctx
	}
	return metadata.AppendToOutgoingContext(ctx, s.headers...)
}
