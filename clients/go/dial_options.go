package signalbox

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
)

// DialOption says something about how a client is made.
type DialOption func(*dialSettings)

// WithNamespace is the namespace of calls that name none; default unless said.
func WithNamespace(namespace string) DialOption {
	return func(s *dialSettings) { s.namespace = namespace }
}

// WithTLS speaks TLS with this configuration; nil takes the machine's own roots.
func WithTLS(config *tls.Config) DialOption {
	return func(s *dialSettings) { s.transport = credentials.NewTLS(config) }
}

// WithInsecure speaks clear text, also to other machines.
func WithInsecure() DialOption {
	return func(s *dialSettings) { s.transport = insecure.NewCredentials() }
}

// WithBearerToken sends a token with each call, in the header authorization.
func WithBearerToken(token string) DialOption {
	return WithHeader("authorization", "Bearer "+token)
}

// WithAPIKey sends a key with each call, in the header x-api-key.
func WithAPIKey(key string) DialOption {
	return WithHeader("x-api-key", key)
}

// WithHeader sends a header with each call, for what stands between the client and the server.
func WithHeader(name, value string) DialOption {
	return func(s *dialSettings) { s.headers = append(s.headers, strings.ToLower(name), value) }
}

// WithTryTimeout is how long one try of a call may take; 10 s unless said. A context bounds the whole call.
func WithTryTimeout(timeout time.Duration) DialOption {
	return func(s *dialSettings) { s.retry.tryTimeout = timeout }
}

// WithRetryFor is how long a call is tried for in all while the server is away; 30 s unless said, 0 tries once.
func WithRetryFor(duration time.Duration) DialOption {
	return func(s *dialSettings) { s.retry.retryFor = duration }
}

// WithResumeFor is how long a watch that was cut is opened again for, without a frame; 10 minutes unless said.
func WithResumeFor(duration time.Duration) DialOption {
	return func(s *dialSettings) { s.retry.resumeFor = duration }
}

// WithBackoff is the first wait between tries, which doubles with each, and the longest one; 100 ms and 5 s
// unless said.
func WithBackoff(first, longest time.Duration) DialOption {
	return func(s *dialSettings) { s.retry.firstBackoff, s.retry.backoffMax = first, longest }
}

// WithGRPC hands options of gRPC's own on, after those of this package.
func WithGRPC(options ...grpc.DialOption) DialOption {
	return func(s *dialSettings) { s.extra = append(s.extra, options...) }
}

// dialSettings is what a client is made with.
type dialSettings struct {
	target    string
	namespace string
	transport credentials.TransportCredentials
	// Names and values of headers, in turn.
	headers []string
	retry   retryPolicy
	extra   []grpc.DialOption
}

// readDial reads a target and options.
func readDial(target string, options []DialOption) (dialSettings, error) {
	settings := dialSettings{
		target:    target,
		namespace: "default",
		retry: retryPolicy{
			tryTimeout:   tryTimeout,
			retryFor:     retryFor,
			resumeFor:    resumeFor,
			firstBackoff: firstBackoff,
			backoffMax:   longestBackoff,
		},
	}
	isClear := isLocal(target)
	for scheme, clear := range map[string]bool{"http://": true, "https://": false} {
		if rest, found := strings.CutPrefix(target, scheme); found {
			settings.target, isClear = strings.TrimSuffix(rest, "/"), clear
		}
	}
	if settings.target == "" {
		return settings, errors.New("signalbox: the target of a client is host:port or a URL, and it is empty")
	}
	if strings.ContainsAny(settings.target, " ?#") {
		return settings, fmt.Errorf("signalbox: the target of a client is host:port or a URL and not %q", target)
	}
	settings.transport = credentials.NewTLS(nil)
	if isClear {
		settings.transport = insecure.NewCredentials()
	}
	for _, option := range options {
		option(&settings)
	}
	return settings, nil
}

// isLocal reports whether a target is on this machine.
func isLocal(target string) bool {
	if strings.HasPrefix(target, "unix:") {
		return true
	}
	host, _, err := net.SplitHostPort(target[strings.LastIndex(target, "/")+1:])
	if err != nil {
		host = target
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}

// grpcOptions are the settings as gRPC takes them.
func (s dialSettings) grpcOptions() []grpc.DialOption {
	options := []grpc.DialOption{
		grpc.WithTransportCredentials(s.transport),
		grpc.WithUserAgent("signalbox-go"),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(answerBytesMax)),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: pingInterval, Timeout: pingTimeout}),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: s.retry.firstBackoff, Multiplier: 2, MaxDelay: s.retry.backoffMax},
			MinConnectTimeout: s.retry.tryTimeout,
		}),
		grpc.WithChainUnaryInterceptor(s.sendHeaders),
		grpc.WithChainStreamInterceptor(s.sendStreamHeaders),
	}
	return append(options, s.extra...)
}
