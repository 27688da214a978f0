"""Calling the functions of ops, each where it belongs."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from typing import Any, Protocol

from signalbox.worker.threads import Threads


class Invocation(Protocol):
    """A function that was called."""

    async def outcome(self) -> Any:
        """What it returned; raises what it raised."""

    def cancel(self) -> None:
        """Asks it to stop."""

    def on_its_thread(self, call: Callable[[], None]) -> bool:
        """Has something called from where the function runs; False if there is no such place."""


class AsyncInvocation:
    """An async function, as a task of the worker's event loop. A cancel raises CancelledError in it."""

    def __init__(self, call: Callable[[], Any], loop: asyncio.AbstractEventLoop) -> None:
        self._home = asyncio.get_running_loop()
        self._loop = loop
        self._task: asyncio.Task[Any] | None = None
        self._done: asyncio.Future[asyncio.Task[Any]] = self._home.create_future()
        loop.call_soon_threadsafe(self._start, call)

    async def outcome(self) -> Any:
        """What it returned; raises what it raised."""
        return (await self._done).result()

    def cancel(self) -> None:
        """Asks it to stop."""
        _call_if_open(self._loop, self._cancel)

    def on_its_thread(self, call: Callable[[], None]) -> bool:
        """Has something called from the event loop of the function."""
        return _call_if_open(self._loop, call)

    def _start(self, call: Callable[[], Any]) -> None:
        self._task = self._loop.create_task(_await(call))
        self._task.add_done_callback(self._finish)

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def _finish(self, task: asyncio.Task[Any]) -> None:
        if not task.cancelled():
            task.exception()
        self._home.call_soon_threadsafe(_resolve, self._done, task)


class SyncInvocation:
    """A sync function, in a thread. It learns of a cancel by asking, or by what it waits for."""

    def __init__(self, call: Callable[[], Any], threads: Threads) -> None:
        self._home = asyncio.get_running_loop()
        self._done: asyncio.Future[Callable[[], Any]] = self._home.create_future()
        context = contextvars.copy_context()
        threads.run(lambda: self._run(context, call))

    async def outcome(self) -> Any:
        """What it returned; raises what it raised."""
        return (await self._done)()

    def cancel(self) -> None:
        """A thread cannot be interrupted."""

    def on_its_thread(self, call: Callable[[], None]) -> bool:
        """A thread that is busy calls nothing else."""
        return False

    def _run(self, context: contextvars.Context, call: Callable[[], Any]) -> None:
        try:
            returned = context.run(call)
        except BaseException as error:  # noqa: BLE001 - whoever waits for the outcome gets it
            result = _raiser(error)
        else:
            result = _returner(returned)
        self._home.call_soon_threadsafe(_resolve, self._done, result)


async def _await(call: Callable[[], Any]) -> Any:
    return await call()


def _raiser(error: BaseException) -> Callable[[], Any]:
    def fail() -> Any:
        raise error

    return fail


def _returner(returned: Any) -> Callable[[], Any]:
    return lambda: returned


def _resolve(future: asyncio.Future[Any], result: Any) -> None:
    if not future.done():
        future.set_result(result)


def _call_if_open(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> bool:
    try:
        loop.call_soon_threadsafe(call)
    except RuntimeError:
        # The loop was closed: what ran on it has ended.
        return False
    return True
