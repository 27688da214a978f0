"""Calls that are tried again."""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from typing import Any, Generic, TypeVar, cast

import grpc
import grpc.aio

from signalbox.client.channel import Connector
from signalbox.client.options import RetryTimes
from signalbox.client.stubs import Stubs
from signalbox.errors import (
    CallFailedError,
    RefusedError,
    UnavailableError,
    read_refused,
    read_retry_delay,
)

Request = TypeVar("Request")
Response = TypeVar("Response")

_TRANSIENT = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED})
"""What says nothing about the request: whether it was carried out is open, hence the request id."""


class Calls:
    """What the parts of a client make their calls with."""

    def __init__(self, connector: Connector, *, namespace: str, timeout: float, retry: RetryTimes) -> None:
        self.connector = connector
        self.default_namespace = namespace
        self.timeout = timeout
        self.retry = retry
        self._channel: grpc.aio.Channel | None = None
        self._stubs: Stubs | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def stubs(self) -> Stubs:
        """The generated stubs, on a connection that is opened when it is first needed in an event loop."""
        loop = asyncio.get_running_loop()
        if self._stubs is None or self._loop is not loop:
            self._loop = loop
            self._channel = self.connector.open()
            self._stubs = Stubs(self._channel)
        return self._stubs

    def namespace(self, namespace: str | None) -> str:
        """The namespace of a call that names this one, or none."""
        return self.default_namespace if namespace is None else namespace

    async def unary(
        self,
        method: grpc.aio.UnaryUnaryMultiCallable[Request, Response],
        request: Request,
        *,
        deadline: float | None = None,
    ) -> Response:
        """Calls until there is an answer, a refusal, or no time: then it raises an UnavailableError.

        `deadline` is how many seconds all tries together may take; the client's retry time if not said.
        """
        ends_at = time.monotonic() + (self.retry.call if deadline is None else deadline)
        failures = 0
        while True:
            left = ends_at - time.monotonic()
            timeout = self.timeout if failures == 0 and deadline is None else min(self.timeout, left)
            try:
                return await method(request, timeout=max(timeout, 0.001), metadata=self.connector.metadata())
            except grpc.aio.AioRpcError as error:
                failure = read_failure(error)
                if failure is not None:
                    raise failure from error
                failures += 1
                wait = backoff(self.retry, failures, error)
                if time.monotonic() + wait >= ends_at:
                    raise self.unavailable(error, failures) from error
            await asyncio.sleep(wait)

    def unavailable(self, error: BaseException | None, attempts: int) -> UnavailableError:
        """What to raise when the server has not answered in time."""
        told = error.details() if isinstance(error, grpc.aio.AioRpcError) else error
        last = str(told or "the stream ended")
        return UnavailableError(
            f"no answer from the server at {self.connector.address}: {last}", attempts=attempts
        )

    async def close(self) -> None:
        """Closes the connection: what is open fails, and a later call opens it again."""
        channel, self._channel, self._stubs = self._channel, None, None
        if channel is not None:
            await channel.close()


class ServerStream(Generic[Response]):
    """The answers of a call that streams; closing it ends the call."""

    def __init__(self, call: grpc.aio.UnaryStreamCall[Any, Response]) -> None:
        self._call = call

    async def read(self, timeout: float | None = None) -> Response | None:
        """The next answer; None when the server has ended the stream well."""
        answer = await asyncio.wait_for(self._call.read(), timeout)
        return None if answer is grpc.aio.EOF else cast(Response, answer)

    def close(self) -> None:
        """Ends the call."""
        self._call.cancel()


def read_failure(error: grpc.aio.AioRpcError) -> RefusedError | CallFailedError | None:
    """What to raise for the error of a call; None if it should be tried again."""
    refused = read_refused(error)
    if error.code() in _TRANSIENT:
        return None
    if refused is not None:
        return refused
    # A connection that is lost in the middle of an answer shows as the reset of its stream.
    lost = ("stream", "connection", "goaway", "rst_stream", "socket")
    told = (error.details() or "").lower()
    codes = (grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN, grpc.StatusCode.CANCELLED)
    if error.code() in codes and any(word in told for word in lost):
        return None
    return CallFailedError(error.details() or "no details", code=error.code().name)


def backoff(retry: RetryTimes, failures: int, error: BaseException | None = None) -> float:
    """The wait after so many failures in a row: the first one doubled with each, moved by chance between half
    of it and all of it, and no shorter than what the server asked for.
    """
    whole = min(retry.initial_backoff * 2.0 ** min(failures - 1, 30), retry.backoff_max)
    asked = 0.0 if error is None else read_retry_delay(error)
    return max(whole * random.uniform(0.5, 1.0), asked)


def new_request_id(given: str | None) -> str:
    """The id that makes a repeat of a change safe: the caller's, or a new one."""
    return given if given is not None else uuid.uuid4().hex
