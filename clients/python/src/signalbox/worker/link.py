"""One stream to the server."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, Literal, Protocol

import grpc
import grpc.aio

from signalbox.client.channel import Connector
from signalbox.errors import read_refused
from signalbox.limits import (
    ATTACHED_TIMEOUT,
    PULSE_INTERVAL_DEFAULT,
    SILENT_PULSES_MAX,
    STABLE_STREAM_TIME,
)
from signalbox.model.convert import to_seconds
from signalbox.v1 import worker_service_pb2
from signalbox.v1.worker_service_pb2 import AttachRequest, AttachResponse
from signalbox.v1.worker_service_pb2_grpc import WorkerServiceStub
from signalbox.worker.refusals import Closing


class LinkEvents(Protocol):
    """What a link tells its session. After `closed` it tells nothing more."""

    def attached(self, link: Link, attached: worker_service_pb2.Attached) -> None:
        """The server has answered Attach."""

    def received(self, link: Link, frame: AttachResponse) -> None:
        """A frame has come."""

    def closed(self, link: Link, closing: Closing) -> None:
        """The stream is gone."""

    def broke(self, error: BaseException) -> None:
        """A fault of this program, and not of the stream."""


class Link:
    """One stream to the server and its liveness, on a connection of its own.

    - `attaching`: Attach is sent. Becomes attached with the answer, or closes when none comes in time.
    - `attached`: frames flow; the link pulses, and closes itself when the server is silent for three pulse
      intervals.
    - `leaving`: Leave follows what is left to say, then the sending side ends.
    - `closed`: the last state; the session decides what follows.
    """

    def __init__(
        self,
        connector: Connector,
        attach: worker_service_pb2.Attach,
        take_frame: Callable[[], AttachRequest | None],
        events: LinkEvents,
    ) -> None:
        self._connector = connector
        self._attach = attach
        self._take_frame = take_frame
        self._events = events
        self._state: Literal["attaching", "attached", "leaving", "closed"] = "attaching"
        self._urgent: list[AttachRequest] = []
        self._farewell: AttachRequest | None = None
        self._wake = asyncio.Event()
        self._attached_at: float | None = None
        self._heard_at = 0.0
        self._pulses: asyncio.Task[None] | None = None
        self._task = asyncio.get_running_loop().create_task(self._run())

    @property
    def is_attached(self) -> bool:
        """True while frames may be sent."""
        return self._state == "attached"

    def wake(self) -> None:
        """Says that there may be a frame to take."""
        self._wake.set()

    def say(self, frame: AttachRequest) -> None:
        """Sends a frame ahead of all that waits."""
        self._urgent.append(frame)
        self.wake()

    def leave(self, cause: str) -> None:
        """Says goodbye after what waits, and ends the sending side. The server ends the stream then."""
        self._state = "leaving"
        self._farewell = AttachRequest(leave=worker_service_pb2.Leave(cause=cause))
        self.wake()

    def abort(self) -> None:
        """Cuts the stream without a word. `closed` is not told."""
        self._state = "closed"
        if self._pulses is not None:
            self._pulses.cancel()
        # From within itself the task ends by returning.
        if self._task is not asyncio.current_task():
            self._task.cancel()

    async def _run(self) -> None:
        channel = self._connector.open()
        writer: asyncio.Task[None] | None = None
        limit = asyncio.get_running_loop().call_later(ATTACHED_TIMEOUT, self._give_up_attaching)
        try:
            metadata = self._connector.metadata()
            call = WorkerServiceStub(channel).Attach(metadata=metadata)
            writer = asyncio.get_running_loop().create_task(self._write(call))
            await self._read(call)
        except grpc.aio.AioRpcError as error:
            self._close(_read_closing(error))
        except asyncio.CancelledError:
            pass
        except Exception as error:  # noqa: BLE001 - the session ends with it
            self._events.broke(error)
        finally:
            limit.cancel()
            if writer is not None:
                writer.cancel()
            await channel.close()

    async def _read(self, call: grpc.aio.StreamStreamCall[AttachRequest, AttachResponse]) -> None:
        while True:
            frame: Any = await call.read()
            if self._is_closed():
                return
            if frame is grpc.aio.EOF:
                self._close(Closing("the server ended the stream"))
                return
            self._heard_at = time.monotonic()
            if frame.HasField("attached"):
                if self._state == "attaching":
                    self._begin(frame.attached)
            elif self._state != "attaching":
                self._events.received(self, frame)
            if self._is_closed():
                return

    async def _write(self, call: grpc.aio.StreamStreamCall[AttachRequest, AttachResponse]) -> None:
        try:
            await call.write(AttachRequest(attach=self._attach))
            while True:
                self._wake.clear()
                frame = self._next()
                if frame is not None:
                    await call.write(frame)
                elif self._state == "leaving":
                    await call.done_writing()
                    return
                else:
                    await self._wake.wait()
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
            # The reading side learns why the stream has ended.
            return

    def _next(self) -> AttachRequest | None:
        if self._state not in ("attached", "leaving"):
            return None
        if self._urgent:
            return self._urgent.pop(0)
        frame = self._take_frame()
        if frame is None:
            frame, self._farewell = self._farewell, None
        return frame

    def _begin(self, attached: worker_service_pb2.Attached) -> None:
        self._state = "attached"
        self._attached_at = time.monotonic()
        interval = to_seconds(attached.pulse_interval)
        if interval <= 0:
            interval = PULSE_INTERVAL_DEFAULT
        self._pulses = asyncio.get_running_loop().create_task(self._pulse(interval))
        self._events.attached(self, attached)
        self.wake()

    async def _pulse(self, interval: float) -> None:
        silence = SILENT_PULSES_MAX * interval
        while True:
            await asyncio.sleep(interval)
            self.say(AttachRequest(pulse=worker_service_pb2.Pulse()))
            if time.monotonic() - self._heard_at > silence:
                # After a halt of the whole process, frames may have come that are not yet read: they count.
                await asyncio.sleep(min(interval, 0.5))
                if time.monotonic() - self._heard_at > silence:
                    self._close(Closing(f"the server was silent for {SILENT_PULSES_MAX} pulse intervals"))
                    return

    def _give_up_attaching(self) -> None:
        if self._state == "attaching":
            self._close(Closing(f"the server did not answer Attach within {ATTACHED_TIMEOUT:g} s"))

    def _close(self, closing: Closing) -> None:
        if self._is_closed():
            return
        stood = 0.0 if self._attached_at is None else time.monotonic() - self._attached_at
        self._state = "closed"
        if self._pulses is not None and self._pulses is not asyncio.current_task():
            self._pulses.cancel()
        if self._task is not asyncio.current_task():
            self._task.cancel()
        told = Closing(
            closing.message,
            closing.reason,
            closing.facts,
            was_attached=self._attached_at is not None,
            was_stable=stood >= STABLE_STREAM_TIME,
        )
        self._events.closed(self, told)

    def _is_closed(self) -> bool:
        return self._state == "closed"


def _read_closing(error: grpc.aio.AioRpcError) -> Closing:
    refused = read_refused(error)
    if refused is None:
        return Closing(f"{error.code().name}: {error.details()}")
    return Closing(f"{refused.reason}: {refused.message}", refused.reason, refused.facts)
