package signalbox_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	signalbox "github.com/signalbox/signalbox/clients/go"
)

func publishNumbers(t *testing.T, client *signalbox.Client, from, to int) {
	t.Helper()
	for number := from; number < to; number++ {
		event := signalbox.NewEvent{Source: "test", Type: "numbered", Payload: number}
		if err := client.Publish(within(t), []signalbox.NewEvent{event}); err != nil {
			t.Error(err)
			return
		}
	}
}

func numberOf(delivery *signalbox.Delivery) int {
	return int(delivery.Event.GetPublished().GetPayload().GetNumberValue())
}

func TestASubscriptionDeliversUntilItIsAcknowledged(t *testing.T) {
	client, ctx := sharedServer(t).dial(t), within(t)
	created := must(client.CreateSubscription(ctx, &signalbox.Subscription{Name: "billing"}))(t)
	if created.GetPull() == nil {
		t.Errorf("created is %v", created)
	}
	publishNumbers(t, client, 0, 5)
	var first []int
	for delivery, err := range client.Subscribe(ctx, "billing", signalbox.SubscribeOptions{InFlightMax: 1}) {
		if err != nil {
			t.Fatal(err)
		}
		first = append(first, numberOf(delivery))
		if len(first) == 3 {
			// Not acknowledged: it comes again.
			break
		}
		if err := delivery.AckWait(ctx); err != nil {
			t.Fatal(err)
		}
	}
	var second []int
	for delivery, err := range client.Subscribe(ctx, "billing", signalbox.SubscribeOptions{ConsumerID: "two"}) {
		if err != nil {
			t.Fatal(err)
		}
		if numberOf(delivery) == 3 && delivery.Count == 1 {
			delivery.Reject("not in the mood", time.Millisecond)
			continue
		}
		second = append(second, numberOf(delivery))
		delivery.Ack()
		if len(second) == 3 {
			break
		}
	}
	if fmt.Sprint(first) != "[0 1 2]" || len(second) != 3 || second[0] != 2 {
		t.Errorf("the first got %v, the second %v", first, second)
	}
	if all := collect(t, client.ListSubscriptions(ctx)); len(all) != 1 {
		t.Errorf("the subscriptions are %v", all)
	}
	read := must(client.GetSubscription(ctx, "billing"))(t)
	if inFlight := read.GetStatus().GetInFlightCount(); inFlight != 0 {
		t.Errorf("in flight are %d", inFlight)
	}
	if letters := collect(t, client.ListDeadLetters(ctx, "billing")); len(letters) != 0 {
		t.Errorf("set aside are %v", letters)
	}
	if released := must(client.RedeliverDeadLetters(ctx, "billing", nil))(t); released != 0 {
		t.Errorf("released are %d", released)
	}
	if err := client.DeleteSubscription(ctx, "billing"); err != nil {
		t.Fatal(err)
	}
	for _, err := range client.Subscribe(ctx, "billing", signalbox.SubscribeOptions{}) {
		if !errors.Is(err, signalbox.ReasonSubscriptionNotFound) {
			t.Errorf("the deleted subscription came to %v", err)
		}
	}
}

func TestASubscriptionGoesOnOverAKilledServer(t *testing.T) {
	server := ownServer(t)
	client, ctx := server.dial(t), within(t)
	must(client.CreateSubscription(ctx, &signalbox.Subscription{Name: "numbers"}))(t)
	const count = 60
	go publishNumbers(t, client, 0, count)
	seen := map[int]string{}
	restarted := false
	for delivery, err := range client.Subscribe(ctx, "numbers", signalbox.SubscribeOptions{Pipelined: true}) {
		if err != nil {
			t.Fatal(err)
		}
		number, id := numberOf(delivery), delivery.Event.GetEventId()
		if known, ok := seen[number]; ok && known != id {
			t.Errorf("%d came as %s and as %s", number, known, id)
		}
		seen[number] = id
		delivery.Ack()
		if number == count/2 && !restarted {
			restarted = true
			server.restart(t)
		}
		if len(seen) == count {
			break
		}
	}
}

func TestASubscriberEndsWithItsContextAndItsLastAcknowledgementsCount(t *testing.T) {
	client, ctx := sharedServer(t).dial(t), within(t)
	must(client.CreateSubscription(ctx, &signalbox.Subscription{Name: "short"}))(t)
	publishNumbers(t, client, 0, 2)
	short, cancel := context.WithCancel(ctx)
	for delivery, err := range client.Subscribe(short, "short", signalbox.SubscribeOptions{InFlightMax: 1}) {
		if err == nil {
			delivery.Ack()
			cancel()
		} else if !errors.Is(err, context.Canceled) {
			t.Errorf("it ended with %v", err)
		}
	}
	cancel()
	for delivery, err := range client.Subscribe(ctx, "short", signalbox.SubscribeOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		if number := numberOf(delivery); number != 1 {
			t.Errorf("%d came again", number)
		}
		break
	}
}
