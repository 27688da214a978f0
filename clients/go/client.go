package signalbox

import (
	"google.golang.org/grpc"

	pb "github.com/signalbox/signalbox/clients/go/gen/signalbox/v1"
)

// Client makes calls to one server. It is safe for use by many goroutines, and one is enough for a program: it
// holds one connection, which comes back by itself.
type Client struct {
	settings   dialSettings
	connection *grpc.ClientConn
	raw        RawClients
}

// RawClients are the generated clients, over messages. Mutating calls get a request id, calls are tried again
// while the server is away, and refusals are [*RefusedError]; streams are opened once and not resumed.
type RawClients struct {
	Runs          pb.RunServiceClient
	Conditions    pb.ConditionServiceClient
	Events        pb.EventServiceClient
	Ops           pb.OpServiceClient
	Workers       pb.WorkerServiceClient
	Limits        pb.LimitServiceClient
	Subscriptions pb.SubscriptionServiceClient
}

// Dial makes a client of the server at the target: host:port, or a URL such as https://host:port. It does not
// wait for the server; the first call does.
//
// A target on this machine is spoken to in clear text, any other with TLS, unless the target's scheme (http or
// https) or an option says otherwise.
func Dial(target string, options ...DialOption) (*Client, error) {
	settings, err := readDial(target, options)
	if err != nil {
		return nil, err
	}
	client := &Client{settings: settings}
	client.connection, err = client.connect(grpc.WithChainUnaryInterceptor(client.tryCall))
	if err != nil {
		return nil, err
	}
	client.raw = rawClients(client.connection)
	return client, nil
}

// Close ends the connection. Calls in progress fail.
func (c *Client) Close() error { return c.connection.Close() }

// Namespace is the namespace of calls that name none.
func (c *Client) Namespace() string { return c.settings.namespace }

// Target is where the server is looked for.
func (c *Client) Target() string { return c.settings.target }

// Raw are the generated clients, for what this package has no method for.
func (c *Client) Raw() RawClients { return c.raw }

// connect opens a connection of its own with the client's settings.
func (c *Client) connect(extra ...grpc.DialOption) (*grpc.ClientConn, error) {
	return grpc.NewClient(c.settings.target, append(c.settings.grpcOptions(), extra...)...)
}

func rawClients(connection grpc.ClientConnInterface) RawClients {
	return RawClients{
		Runs:          pb.NewRunServiceClient(connection),
		Conditions:    pb.NewConditionServiceClient(connection),
		Events:        pb.NewEventServiceClient(connection),
		Ops:           pb.NewOpServiceClient(connection),
		Workers:       pb.NewWorkerServiceClient(connection),
		Limits:        pb.NewLimitServiceClient(connection),
		Subscriptions: pb.NewSubscriptionServiceClient(connection),
	}
}
