"""The part of the client that is about durable subscriptions to events."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Literal

from google.protobuf import empty_pb2

from signalbox.client.calls import Calls, new_request_id
from signalbox.client.consumer import Consumer
from signalbox.client.pages import Page, Pages
from signalbox.model.convert import read, write
from signalbox.model.subscription import DeadLetter, Subscription
from signalbox.v1 import subscription_service_pb2


class Subscriptions:
    """Durable subscriptions: events that somebody gets for certain, each at least once, those of a run in
    order.
    """

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def create(
        self,
        subscription: Subscription,
        *,
        start: Literal["now", "beginning"] = "now",
        request_id: str | None = None,
        deadline: float | None = None,
    ) -> Subscription:
        """Creates a subscription, which keeps its place in the feed from here on. One without a target is
        pulled.

        A webhook's secret is shown in what this gives, and never again.
        """
        namespace = subscription.namespace or self._calls.default_namespace
        has_target = subscription.pull or subscription.webhook is not None or subscription.nats is not None
        whole = dataclasses.replace(
            subscription, namespace=namespace, pull=subscription.pull or not has_target, status=None
        )
        request = subscription_service_pb2.CreateSubscriptionRequest(
            subscription=write(whole), request_id=new_request_id(request_id)
        )
        if start == "beginning":
            request.beginning.CopyFrom(empty_pb2.Empty())
        answer = await self._calls.unary(
            self._calls.stubs.subscriptions.CreateSubscription, request, deadline=deadline
        )
        return read(Subscription, answer.subscription)

    async def get(
        self, name: str, *, namespace: str | None = None, deadline: float | None = None
    ) -> Subscription:
        """Reads a subscription and where it stands."""
        request = subscription_service_pb2.GetSubscriptionRequest(
            namespace=self._calls.namespace(namespace), name=name
        )
        answer = await self._calls.unary(
            self._calls.stubs.subscriptions.GetSubscription, request, deadline=deadline
        )
        return read(Subscription, answer.subscription)

    def list(self, *, namespace: str | None = None, deadline: float | None = None) -> Pages[Subscription]:
        """Lists the subscriptions of a namespace, by name."""

        async def fetch(size: int, token: str) -> Page[Subscription]:
            request = subscription_service_pb2.ListSubscriptionsRequest(
                namespace=self._calls.namespace(namespace), page_size=size, page_token=token
            )
            answer = await self._calls.unary(
                self._calls.stubs.subscriptions.ListSubscriptions, request, deadline=deadline
            )
            return Page([read(Subscription, one) for one in answer.subscriptions], answer.next_page_token)

        return Pages(fetch)

    async def delete(
        self,
        name: str,
        *,
        namespace: str | None = None,
        request_id: str | None = None,
        deadline: float | None = None,
    ) -> None:
        """Deletes a subscription with its place and what it set aside."""
        request = subscription_service_pb2.DeleteSubscriptionRequest(
            namespace=self._calls.namespace(namespace), name=name, request_id=new_request_id(request_id)
        )
        await self._calls.unary(
            self._calls.stubs.subscriptions.DeleteSubscription, request, deadline=deadline
        )

    def consume(
        self,
        name: str,
        *,
        in_flight_max: int = 0,
        pipelined: bool = False,
        consumer_id: str = "",
        namespace: str | None = None,
    ) -> Consumer:
        """Consumes a subscription; opens its stream again by itself for as long as it is used:

            async with client.subscriptions.consume("mail") as deliveries:
                async for delivery in deliveries:
                    await send_mail(delivery.event)
                    await delivery.ack()

        What is not acknowledged is delivered again, so that the same event may come more than once, under the
        same `event_id`. `in_flight_max` is how many events this consumer takes at once; 0 means 100. Of one
        run they come one at a time, the next one after the acknowledgement, unless `pipelined`.
        """
        opening = subscription_service_pb2.Open(
            namespace=self._calls.namespace(namespace),
            name=name,
            consumer_id=consumer_id,
            in_flight_max=in_flight_max,
            pipelined=pipelined,
        )
        return Consumer(self._calls, opening)

    def dead_letters(
        self, name: str, *, namespace: str | None = None, deadline: float | None = None
    ) -> Pages[DeadLetter]:
        """Lists what a subscription set aside, the oldest event first."""

        async def fetch(size: int, token: str) -> Page[DeadLetter]:
            request = subscription_service_pb2.ListDeadLettersRequest(
                namespace=self._calls.namespace(namespace), name=name, page_size=size, page_token=token
            )
            answer = await self._calls.unary(
                self._calls.stubs.subscriptions.ListDeadLetters, request, deadline=deadline
            )
            return Page([read(DeadLetter, letter) for letter in answer.dead_letters], answer.next_page_token)

        return Pages(fetch)

    async def release(
        self,
        name: str,
        *,
        event_ids: Sequence[str] = (),
        forget: bool = False,
        namespace: str | None = None,
        request_id: str | None = None,
        deadline: float | None = None,
    ) -> int:
        """Delivers again what a subscription set aside, all of it unless events are named, 1,000 at a time;
        or forgets it. Gives how many events that were.
        """
        request = subscription_service_pb2.ReleaseDeadLettersRequest(
            namespace=self._calls.namespace(namespace),
            name=name,
            event_ids=event_ids,
            forget=forget,
            request_id=new_request_id(request_id),
        )
        answer = await self._calls.unary(
            self._calls.stubs.subscriptions.ReleaseDeadLetters, request, deadline=deadline
        )
        return answer.released_count
