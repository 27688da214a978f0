"""Consuming a subscription without asyncio."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType

from signalbox.background import run_in_background
from signalbox.client.consumer import Consumer, Delivery
from signalbox.model.event import Event


class SyncDelivery:
    """One event on its way to this consumer."""

    def __init__(self, delivery: Delivery) -> None:
        self._delivery = delivery
        self.event: Event = delivery.event
        """The event. Its `event_id` is the same however often it is delivered."""
        self.delivery_count: int = delivery.delivery_count
        """How often it has been delivered, this time included, as far as the server knows."""

    def ack(self) -> bool:
        """Says that the event was dealt with; True once that is durable, False if it will be delivered
        again.
        """
        return run_in_background(self._delivery.ack())

    def reject(self, *, delay: float | None = None, cause: str = "") -> None:
        """Gives the event back, to be delivered again: after `delay` seconds, or the subscription's
        backoff.
        """
        run_in_background(self._delivery.reject(delay=delay, cause=cause))


class SyncConsumer:
    """The deliveries of a subscription, as an iterator that waits."""

    def __init__(self, make: Callable[[], Consumer]) -> None:
        self._consumer = run_in_background(_make(make))

    def __iter__(self) -> SyncConsumer:
        return self

    def __next__(self) -> SyncDelivery:
        delivery = run_in_background(_next(self._consumer))
        if delivery is None:
            raise StopIteration
        return SyncDelivery(delivery)

    def close(self) -> None:
        """Ends the stream; what is not acknowledged is delivered to others."""
        run_in_background(self._consumer.aclose())

    def __enter__(self) -> SyncConsumer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


async def _make(make: Callable[[], Consumer]) -> Consumer:
    return make()


async def _next(consumer: Consumer) -> Delivery | None:
    try:
        return await consumer.__anext__()
    except StopAsyncIteration:
        return None
