package signalbox

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	pb "github.com/signalbox/signalbox/clients/go/gen/signalbox/v1"
)

// SubscribeOptions say how a subscription is consumed. The zero value is fine.
type SubscribeOptions struct {
	// ConsumerID is for people: who consumes.
	ConsumerID string
	// InFlightMax is how many events are taken at once without an acknowledgement; 100 unless said.
	InFlightMax int
	// Pipelined takes further events of a run while earlier ones of it are not acknowledged, in order. If one of
	// them is rejected or its time is over, those behind it come again after it, also if they came already.
	Pipelined bool
}

// SubscriptionClosedError is a subscription that the server closed for good, such as one that was deleted.
type SubscriptionClosedError struct {
	// Name is the subscription.
	Name string
	// Cause is why, in the server's words.
	Cause string
}

// Error says which subscription was closed, and why.
func (e *SubscriptionClosedError) Error() string {
	return fmt.Sprintf("signalbox: the subscription %s was closed: %s", e.Name, e.Cause)
}

// ErrDeliveryLost is the error of an acknowledgement whose stream was cut before it was durable. The event
// comes again.
var ErrDeliveryLost = errors.New("signalbox: the stream was cut before the acknowledgement was durable")

// Subscribe yields the events of a durable subscription, to be acknowledged one by one. Each comes at least
// once, those of one run in their order; one that is not acknowledged in time, or was rejected, comes again,
// here or to another consumer. It goes on by itself when the connection is cut or the server restarts, and ends
// with the context, or with a refusal.
//
//	for delivery, err := range client.Subscribe(ctx, "billing", signalbox.SubscribeOptions{}) {
//		if err != nil {
//			return err
//		}
//		handle(delivery.Event)
//		delivery.Ack()
//	}
func (c *Client) Subscribe(
	ctx context.Context, name string, how SubscribeOptions, options ...CallOption,
) iter.Seq2[*Delivery, error] {
	open := &pb.Open{
		Namespace: c.read(options).namespace, Name: name, ConsumerId: how.ConsumerID,
		InFlightMax: int32(how.InFlightMax), Pipelined: how.Pipelined,
	}
	if open.GetInFlightMax() == 0 {
		open.InFlightMax = consumerInFlightMax
	}
	return func(yield func(*Delivery, error) bool) {
		policy := c.settings.retry
		heardAt, failures := time.Now(), 0
		for {
			stream := newConsumerStream(c, open)
			isOver, err := stream.run(ctx, func(delivery *Delivery) bool {
				heardAt, failures = time.Now(), 0
				return yield(delivery, nil)
			})
			if isOver {
				return
			}
			if ctx.Err() != nil {
				yield(nil, context.Cause(ctx))
				return
			}
			if !isCut(err) {
				yield(nil, err)
				return
			}
			failures++
			if stream.wasOpened {
				heardAt = time.Now()
			}
			wait := max(policy.wait(failures, err), stream.reconnectAfter)
			if time.Since(heardAt)+wait > policy.resumeFor {
				yield(nil, &UnavailableError{Target: c.settings.target, Tries: failures, Err: err})
				return
			}
			// Why the wait ended early is told above.
			_ = sleep(ctx, wait)
		}
	}
}

// Delivery is one event on its way to this consumer.
type Delivery struct {
	// Event is the event. Its id is the same however often it is delivered.
	Event *Event
	// Count is how often it has been delivered, this time included, as far as the server knows.
	Count int

	id     uint64
	stream *consumerStream
	// Closed when the acknowledgement is durable.
	durable chan struct{}
}

// Ack says that the event was dealt with, and does not wait. If the stream is cut before the server has it, the
// event comes again.
func (d *Delivery) Ack() { d.stream.acknowledge(d) }

// AckWait says that the event was dealt with, and waits until that is durable: the event does not come again.
// It returns [ErrDeliveryLost] if the stream is cut before.
func (d *Delivery) AckWait(ctx context.Context) error {
	d.stream.acknowledge(d)
	select {
	case <-d.durable:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-d.stream.ended:
		// Both may have happened, and an acknowledgement that is durable stays so.
		select {
		case <-d.durable:
			return nil
		default:
			return ErrDeliveryLost
		}
	}
}

// Reject gives the event back, to be delivered again: after the subscription's backoff, or after the delay if
// that is not 0. The cause is shown in the subscription's status, and kept if the event is set aside.
func (d *Delivery) Reject(cause string, delay time.Duration) {
	reject := &pb.Reject{
		DeliveryIds: []uint64{d.id}, Cause: clip(cause, causeLengthMax), Delay: durationOrNone(delay),
	}
	d.stream.send(&pb.SubscribeRequest{Frame: &pb.SubscribeRequest_Reject{Reject: reject}})
}
