"""Consuming a subscription: deliveries that come over one stream after another."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from types import TracebackType

import grpc
import grpc.aio

from signalbox.client.calls import Calls, backoff, read_failure
from signalbox.errors import CallFailedError, RefusedError
from signalbox.limits import BEAT_INTERVAL
from signalbox.model.convert import to_duration, to_seconds
from signalbox.model.event import Event, read_event
from signalbox.v1 import subscription_service_pb2 as frames


class Delivery:
    """One event on its way to this consumer."""

    def __init__(self, consumer: Consumer, stream: int, message: frames.EventDelivery) -> None:
        self._consumer = consumer
        self._stream = stream
        self._delivery_id = message.delivery_id
        self.event: Event = read_event(message.event)
        """The event. Its `event_id` is the same however often it is delivered."""
        self.delivery_count: int = message.delivery_count
        """How often it has been delivered, this time included, as far as the server knows."""

    async def ack(self) -> bool:
        """Says that the event was dealt with. True once that is durable; False if the stream broke before, so
        that the event will be delivered again.
        """
        return await self._consumer.acknowledge(self._stream, self._delivery_id)

    async def reject(self, *, delay: float | None = None, cause: str = "") -> None:
        """Gives the event back, to be delivered again: after `delay` seconds, or the subscription's
        backoff.
        """
        reject = frames.Reject(delivery_ids=[self._delivery_id], cause=cause[:4096])
        if delay is not None:
            reject.delay.CopyFrom(to_duration(delay))
        self._consumer.send(self._stream, frames.SubscribeRequest(reject=reject))


class Consumer:
    """The deliveries of a subscription, as an async iterator. It ends when the subscription is deleted, or
    closed.

    A stream that is cut is opened again, for as long as the client's `retry.watch` allows without one; what
    it had delivered and was not acknowledged comes again.
    """

    def __init__(self, calls: Calls, opening: frames.Open) -> None:
        self._calls = calls
        self._opening = opening
        self._incoming: asyncio.Queue[Delivery | BaseException | None] = asyncio.Queue()
        self._outgoing: asyncio.Queue[frames.SubscribeRequest | None] = asyncio.Queue()
        self._acks: dict[int, asyncio.Future[bool]] = {}
        self._stream = 0
        self._reader: asyncio.Task[None] | None = None

    def __aiter__(self) -> Consumer:
        return self

    async def __anext__(self) -> Delivery:
        if self._reader is None:
            self._reader = asyncio.create_task(self._run())
        while True:
            next_one = await self._incoming.get()
            if next_one is None:
                self._incoming.put_nowait(None)
                raise StopAsyncIteration
            if isinstance(next_one, BaseException):
                self._incoming.put_nowait(None)
                raise next_one
            # What a broken stream had delivered and nobody took yet comes again on the next one.
            if next_one._stream == self._stream:
                return next_one

    async def __aenter__(self) -> Consumer:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Ends the stream; what is not acknowledged is delivered to others."""
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.wait([self._reader])
        self._incoming.put_nowait(None)

    async def acknowledge(self, stream: int, delivery_id: int) -> bool:
        """Acknowledges a delivery of a stream; see `Delivery.ack`."""
        if stream != self._stream:
            return False
        ack = self._acks.get(delivery_id)
        if ack is None:
            ack = self._acks[delivery_id] = asyncio.get_running_loop().create_future()
            acknowledge = frames.Acknowledge(delivery_ids=[delivery_id])
            self.send(stream, frames.SubscribeRequest(acknowledge=acknowledge))
        return await asyncio.shield(ack)

    def send(self, stream: int, frame: frames.SubscribeRequest) -> None:
        """Sends a frame on a stream, if it is still the one that is open."""
        if stream == self._stream:
            self._outgoing.put_nowait(frame)

    async def _run(self) -> None:
        try:
            await self._follow()
            self._incoming.put_nowait(None)
        except Exception as error:  # noqa: BLE001 - whoever iterates gets it
            self._incoming.put_nowait(error)
        finally:
            self._break_off()

    async def _follow(self) -> None:
        failures = 0
        heard_at = time.monotonic()
        patience = self._calls.retry.call
        while True:
            failure: BaseException | None = None
            asked: float | None = None
            try:
                heard, close = await self._one_stream()
                if heard:
                    heard_at, failures, patience = time.monotonic(), 0, self._calls.retry.watch
                if close is not None:
                    if not close.HasField("reconnect_after"):
                        return
                    asked = to_seconds(close.reconnect_after)
            except _Cut as cut:
                failure = cut.__cause__
                if cut.was_heard:
                    heard_at, failures, patience = time.monotonic(), 0, self._calls.retry.watch
            failures += 1
            wait = backoff(self._calls.retry, failures, failure) if asked is None else asked
            if time.monotonic() + wait - heard_at > patience:
                raise self._calls.unavailable(failure, failures) from failure
            await asyncio.sleep(wait)

    async def _one_stream(self) -> tuple[bool, frames.Close | None]:
        """Follows one stream to its end; gives whether anything came, and the goodbye if one was said."""
        self._outgoing = asyncio.Queue()
        self._outgoing.put_nowait(frames.SubscribeRequest(open=self._opening))
        metadata = self._calls.connector.metadata()
        call = self._calls.stubs.subscriptions.Subscribe(metadata=metadata)
        writer = asyncio.create_task(self._write(call, self._outgoing))
        was_heard = False
        try:
            while True:
                answer = await call.read()
                if not isinstance(answer, frames.SubscribeResponse):
                    return was_heard, None
                was_heard = True
                if answer.HasField("close"):
                    return was_heard, answer.close
                self._take(answer)
        except grpc.aio.AioRpcError as error:
            failure = read_failure(error)
            if failure is not None and not _is_too_slow(failure):
                raise failure from error
            raise _Cut(was_heard) from error
        finally:
            writer.cancel()
            call.cancel()
            self._break_off()

    def _take(self, answer: frames.SubscribeResponse) -> None:
        kind = answer.WhichOneof("frame")
        if kind == "deliver":
            for delivery in answer.deliver.deliveries:
                self._incoming.put_nowait(Delivery(self, self._stream, delivery))
        elif kind == "acknowledged":
            self._settle(answer.acknowledged.delivery_ids)

    def _settle(self, delivery_ids: Sequence[int]) -> None:
        for delivery_id in delivery_ids:
            ack = self._acks.pop(delivery_id, None)
            if ack is not None and not ack.done():
                ack.set_result(True)

    def _break_off(self) -> None:
        """The stream is gone: what it delivered cannot be acknowledged any more."""
        self._stream += 1
        acks, self._acks = self._acks, {}
        for ack in acks.values():
            if not ack.done():
                ack.set_result(False)

    async def _write(
        self,
        call: grpc.aio.StreamStreamCall[frames.SubscribeRequest, frames.SubscribeResponse],
        outgoing: asyncio.Queue[frames.SubscribeRequest | None],
    ) -> None:
        try:
            while True:
                try:
                    frame = await asyncio.wait_for(outgoing.get(), BEAT_INTERVAL)
                except asyncio.TimeoutError:
                    frame = frames.SubscribeRequest(beat=frames.Beat())
                if frame is not None:
                    await call.write(frame)
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
            # The reader learns why the stream has ended.
            return


class _Cut(Exception):
    """A stream that was cut, and whether anything had come over it."""

    def __init__(self, was_heard: bool) -> None:
        super().__init__("the stream was cut")
        self.was_heard = was_heard


def _is_too_slow(failure: RefusedError | CallFailedError) -> bool:
    return isinstance(failure, RefusedError) and failure.reason == "TOO_SLOW"
