package signalbox

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"google.golang.org/grpc"

	pb "github.com/signalbox/signalbox/clients/go/gen/signalbox/v1"
)

// consumerStream is one stream of a consumer. Frames that wait to be sent are bounded by what is in flight: an
// event is acknowledged once on a stream.
type consumerStream struct {
	client         *Client
	open           *pb.Open
	stream         grpc.BidiStreamingClient[pb.SubscribeRequest, pb.SubscribeResponse]
	wasOpened      bool
	reconnectAfter time.Duration
	// Closed when its reader wants no more, and when it has ended.
	leaving, ended chan struct{}
	// Each holds one token: while there is something to send, and while something became durable.
	wake, settled chan struct{}

	mu           sync.Mutex
	frames       []*pb.SubscribeRequest
	acknowledged []uint64
	// Acknowledged and not yet durable, by id.
	waiting map[uint64]*Delivery
}

// errBehind is a reader so slow that what it has not read timed out and was delivered again, beyond all bounds. The
// stream is opened anew once it has read on.
var errBehind = errors.New("the consumer reads more slowly than its deliveries time out")

func newConsumerStream(client *Client, open *pb.Open) *consumerStream {
	return &consumerStream{
		client: client, open: open,
		leaving: make(chan struct{}), ended: make(chan struct{}),
		wake: make(chan struct{}, 1), settled: make(chan struct{}, 1),
		waiting: map[uint64]*Delivery{},
	}
}

// run follows the stream to its end. isOver is true if its reader wants no more. The stream outlives the context
// for a moment, so that what was acknowledged last gets across.
func (s *consumerStream) run(ctx context.Context, yield func(*Delivery) bool) (isOver bool, err error) {
	streamCtx, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cancel(nil)
	silence := time.AfterFunc(firstFrameTimeout, func() { cancel(errNoFrame) })
	defer silence.Stop()
	stopOpening := context.AfterFunc(ctx, func() { cancel(context.Cause(ctx)) })
	if s.stream, err = s.client.raw.Subscriptions.Subscribe(streamCtx); err != nil {
		return false, readError(streamCtx, err)
	}
	stopOpening()
	deliveries := make(chan *Delivery, 2*s.open.GetInFlightMax())
	var failure error
	go s.sendAll(streamCtx)
	go func() {
		defer close(deliveries)
		defer close(s.ended)
		failure = readError(streamCtx, s.receive(deliveries, func() { silence.Stop() }))
	}()
	for {
		select {
		case delivery, isOpen := <-deliveries:
			if !isOpen {
				return false, failure
			}
			if !yield(delivery) {
				s.leave(deliveries)
				return true, nil
			}
		case <-ctx.Done():
			s.leave(deliveries)
			return false, context.Cause(ctx)
		}
	}
}

// leave waits for what was acknowledged to be durable, and no longer than a moment.
func (s *consumerStream) leave(deliveries <-chan *Delivery) {
	close(s.leaving)
	timeout := time.NewTimer(leaveTimeout)
	defer timeout.Stop()
	for s.isWaiting() {
		select {
		case <-s.settled:
		case _, isOpen := <-deliveries:
			if !isOpen {
				return
			}
		case <-timeout.C:
			return
		}
	}
}

// receive takes frames until the stream ends, and says why it did. It never waits for the reader, who may wait
// for an acknowledgement that comes behind a delivery.
func (s *consumerStream) receive(deliveries chan<- *Delivery, opened func()) error {
	for {
		response, err := s.stream.Recv()
		if err != nil {
			return err
		}
		switch frame := response.GetFrame().(type) {
		case *pb.SubscribeResponse_Opened:
			opened()
			s.wasOpened = true
		case *pb.SubscribeResponse_Deliver:
			for _, delivery := range frame.Deliver.GetDeliveries() {
				select {
				case deliveries <- s.taken(delivery):
				case <-s.leaving:
				default:
					return errBehind
				}
			}
		case *pb.SubscribeResponse_Acknowledged:
			s.settle(frame.Acknowledged.GetDeliveryIds())
		case *pb.SubscribeResponse_Close:
			if frame.Close.GetReconnectAfter() == nil {
				return &SubscriptionClosedError{Name: s.open.GetName(), Cause: frame.Close.GetCause()}
			}
			s.reconnectAfter = frame.Close.GetReconnectAfter().AsDuration()
			return io.EOF
		}
	}
}

func (s *consumerStream) taken(delivery *pb.EventDelivery) *Delivery {
	return &Delivery{
		Event: delivery.GetEvent(), Count: int(delivery.GetDeliveryCount()),
		id: delivery.GetDeliveryId(), stream: s, durable: make(chan struct{}),
	}
}

// sendAll sends what waits, until the stream ends.
func (s *consumerStream) sendAll(ctx context.Context) {
	beats := time.NewTicker(beatInterval)
	defer beats.Stop()
	next := &pb.SubscribeRequest{Frame: &pb.SubscribeRequest_Open{Open: s.open}}
	for {
		for ; next != nil; next = s.next() {
			if s.stream.Send(next) != nil {
				return
			}
		}
		select {
		case <-s.wake:
			next = s.next()
		case <-beats.C:
			next = &pb.SubscribeRequest{Frame: &pb.SubscribeRequest_Beat{Beat: &pb.Beat{}}}
		case <-ctx.Done():
			return
		}
	}
}

func (s *consumerStream) send(frame *pb.SubscribeRequest) {
	s.mu.Lock()
	s.frames = append(s.frames, frame)
	s.mu.Unlock()
	poke(s.wake)
}

// acknowledge says that a delivery was dealt with, once.
func (s *consumerStream) acknowledge(delivery *Delivery) {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-delivery.durable:
	default:
		if s.waiting[delivery.id] == nil {
			s.waiting[delivery.id] = delivery
			s.acknowledged = append(s.acknowledged, delivery.id)
			poke(s.wake)
		}
	}
}

func (s *consumerStream) settle(ids []uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range ids {
		if delivery := s.waiting[id]; delivery != nil {
			close(delivery.durable)
			delete(s.waiting, id)
		}
	}
	poke(s.settled)
}

func (s *consumerStream) isWaiting() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.waiting)+len(s.frames) > 0
}

// next is the next frame to send; nil if there is none. Acknowledgements that gathered share one.
func (s *consumerStream) next() *pb.SubscribeRequest {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.frames) > 0 {
		frame := s.frames[0]
		s.frames = s.frames[1:]
		return frame
	}
	if len(s.acknowledged) == 0 {
		return nil
	}
	count := min(len(s.acknowledged), acknowledgedPerFrameMax)
	acknowledge := &pb.Acknowledge{DeliveryIds: s.acknowledged[:count:count]}
	s.acknowledged = s.acknowledged[count:]
	return &pb.SubscribeRequest{Frame: &pb.SubscribeRequest_Acknowledge{Acknowledge: acknowledge}}
}

// poke puts a token into a channel that holds one, unless it is there already.
func poke(tokens chan<- struct{}) {
	select {
	case tokens <- struct{}{}:
	default:
	}
}
