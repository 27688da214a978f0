"""Watches that go on by themselves when they are cut."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import grpc
import grpc.aio

from signalbox.client.calls import Calls, ServerStream, backoff, read_failure
from signalbox.errors import RefusedError
from signalbox.limits import FIRST_FRAME_TIMEOUT

Frame = TypeVar("Frame", bound=Any)


@dataclass(frozen=True)
class Watch(Generic[Frame]):
    """How one kind of watch is opened and read."""

    open: Callable[[str], grpc.aio.UnaryStreamCall[Any, Frame]]
    """Opens a stream behind a cursor; behind an empty one, at its own beginning."""
    is_bookmark: Callable[[Frame], bool]
    """True if the frame says nothing but where the watch stands."""
    is_last: Callable[[Frame], bool] = lambda _: False
    """True for the frame after which nothing comes."""


async def resume(
    calls: Calls, watch: Watch[Frame], cursor: str = ""
) -> AsyncGenerator[tuple[Frame, bool], None]:
    """Follows a watch across cuts, restarts and upgrades of the server: no frame is left out and none comes
    twice.

    With each frame comes whether a snapshot that was cut begins again with it. A refusal ends the watch with
    a RefusedError. It gives up with an UnavailableError when no frame came for `retry.call` at the beginning,
    or for `retry.watch` once it has had one. Nothing is read ahead.
    """
    failures = 0
    heard_at = time.monotonic()
    patience = calls.retry.call
    in_snapshot = False
    while True:
        failure: BaseException | None = None
        stream = ServerStream(watch.open(cursor))
        is_first = True
        try:
            while True:
                frame = await stream.read(FIRST_FRAME_TIMEOUT if is_first else None)
                if frame is None:
                    break
                is_again = is_first and failures > 0 and watch.is_bookmark(frame) and frame.cursor == cursor
                restarted = is_first and in_snapshot
                is_first, failures, patience = False, 0, calls.retry.watch
                cursor = frame.cursor or cursor
                in_snapshot = frame.cursor == ""
                if not is_again:
                    yield frame, restarted
                heard_at = time.monotonic()
                if watch.is_last(frame):
                    return
        except (asyncio.TimeoutError, grpc.aio.AioRpcError) as error:
            _raise_unless_cut(error)
            failure = error
        finally:
            stream.close()
        failures += 1
        wait = backoff(calls.retry, failures, failure)
        if time.monotonic() + wait - heard_at > patience:
            raise calls.unavailable(failure, failures) from failure
        await asyncio.sleep(wait)


def _raise_unless_cut(error: BaseException) -> None:
    if isinstance(error, grpc.aio.AioRpcError):
        failure = read_failure(error)
        # A reader that was too slow goes on from its cursor like one whose connection was cut.
        if failure is not None and not (isinstance(failure, RefusedError) and failure.reason == "TOO_SLOW"):
            raise failure from error
