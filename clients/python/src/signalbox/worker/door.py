"""The way from a task's own thread to its attempt."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from signalbox.model.convert import read
from signalbox.model.error import ActionError
from signalbox.v1 import action_pb2, event_pb2, value_pb2
from signalbox.v1.worker_service_pb2 import TraceEnded
from signalbox.values import from_value, from_values
from signalbox.worker.children import Child, Children, has_ended
from signalbox.worker.errors import AttemptEnded, ChildFailed, ConditionEnded, WorkerError
from signalbox.worker.outcome import to_action_error
from signalbox.worker.reports import Reports

T = TypeVar("T")


class AttemptDoor:
    """The way from a task's own thread to its attempt, which lives on the event loop of the session.

    What a task says goes through in the order in which it was said; what it waits for is a future.
    """

    def __init__(self, reports: Reports, children: Children, on_waiting: Callable[[bool], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._reports = reports
        self._children = children
        self._on_waiting = on_waiting
        self._waits = 0
        self._steps: set[str] = set()
        self._interrupted = threading.Event()
        self._closed_by: WorkerError | None = None
        self.interruption: WorkerError | None = None
        """Why the attempt must end; None while it need not."""

    # On the session's loop.

    def interrupt(self, reason: WorkerError) -> None:
        """The attempt must end."""
        self.interruption = self.interruption or reason
        self._interrupted.set()

    def close(self, error: WorkerError) -> None:
        """The attempt has ended: nothing that is asked for from here on is answered."""
        self._closed_by = error
        self._interrupted.set()

    # From any thread.

    def raise_if_interrupted(self) -> None:
        """Raises why the attempt must end, if it must."""
        reason = self.interruption or self._closed_by
        if reason is not None:
            raise reason

    def wait_interrupted(self, timeout: float) -> bool:
        """Waits for so many seconds; True as soon as the attempt must end."""
        return self._interrupted.wait(timeout)

    def progress(self, percent: float, message: str) -> None:
        """Says how far the attempt is."""
        self._loop.call_soon_threadsafe(self._reports.progress, percent, message)

    def log(self, level: event_pb2.LogLevel.ValueType, message: str) -> None:
        """Writes a log line."""
        self._loop.call_soon_threadsafe(self._reports.log, level, message)

    def heartbeat(self) -> None:
        """Says that the attempt is alive."""
        self._loop.call_soon_threadsafe(self._reports.heartbeat)

    def event(self, published: event_pb2.Published) -> concurrent.futures.Future[None]:
        """Publishes an event; done when it is durable."""
        return self._hop(lambda: self._reports.event(published))

    def condition(self, name: str, new_action: action_pb2.NewAction) -> concurrent.futures.Future[Any]:
        """Waits for the answer to a condition."""
        return self._start(lambda child: self._answer(name, child), new_action)

    def task(self, name: str, new_action: action_pb2.NewAction) -> concurrent.futures.Future[dict[str, Any]]:
        """Waits for the outputs of a child task."""
        return self._start(lambda child: self._outputs(name, child), new_action)

    def start_task(
        self, name: str, new_action: action_pb2.NewAction
    ) -> tuple[concurrent.futures.Future[None], concurrent.futures.Future[dict[str, Any]]]:
        """Asks for a child task: the first is done when it exists, the second when it has ended."""
        added: concurrent.futures.Future[None] = concurrent.futures.Future()

        async def follow(child: Child) -> dict[str, Any]:
            child.added.add_done_callback(lambda done: _copy(done, added, lambda _: None))
            # Who starts a child and does not wait for it keeps its place.
            return read_outputs(name, await asyncio.shield(child.ended))

        outputs = self._start(follow, new_action)
        outputs.add_done_callback(lambda done: _fail_with(done, added))
        return added, outputs

    def wait_for(self, outputs: concurrent.futures.Future[T]) -> concurrent.futures.Future[T]:
        """The same future, waited for: until it is done, the task leaves its place to another."""

        async def wait() -> T:
            return await self._counted(asyncio.wrap_future(outputs))

        return self._hop(lambda: self._loop.create_task(wait()))

    def begin_step(self, new_action: action_pb2.NewAction) -> concurrent.futures.Future[action_pb2.Action]:
        """Asks for a step; gives how it stands. Each name is used once in an attempt."""
        self.raise_if_interrupted()
        if new_action.name in self._steps:
            raise ValueError(
                f"the step {new_action.name} was used before in this attempt; each has its own name"
            )
        self._steps.add(new_action.name)
        return self._start(_added, new_action)

    def end_step(self, name: str, outputs: dict[str, value_pb2.Value]) -> concurrent.futures.Future[None]:
        """Records what a step put out; done when it is durable."""
        return self._hop(lambda: self._reports.trace_ended(TraceEnded(name=name, outputs=outputs)))

    def fail_step(self, name: str, error: BaseException) -> concurrent.futures.Future[None]:
        """Records that a step failed; done when it is durable."""
        ended = TraceEnded(name=name, error=to_action_error(error))
        return self._hop(lambda: self._reports.trace_ended(ended))

    # How it goes through.

    def _start(
        self, follow: Callable[[Child], Coroutine[Any, Any, T]], new_action: action_pb2.NewAction
    ) -> concurrent.futures.Future[T]:
        self.raise_if_interrupted()

        def begin() -> asyncio.Future[T]:
            self.raise_if_interrupted()
            return self._loop.create_task(follow(self._children.add(new_action)))

        return self._hop(begin)

    async def _answer(self, name: str, child: Child) -> Any:
        ended = await self._counted(child.ended)
        if not _has_succeeded(ended) or "value" not in ended.outputs:
            raise ConditionEnded(name, _state_name(ended))
        return from_value(ended.outputs["value"])

    async def _outputs(self, name: str, child: Child) -> dict[str, Any]:
        return read_outputs(name, await self._counted(child.ended))

    async def _counted(self, future: asyncio.Future[T]) -> T:
        self._waits += 1
        if self._waits == 1:
            self._on_waiting(True)
        try:
            return await asyncio.shield(future)
        finally:
            self._waits -= 1
            if self._waits == 0:
                self._on_waiting(False)

    def _hop(self, begin: Callable[[], asyncio.Future[T]]) -> concurrent.futures.Future[T]:
        """Begins something on the session's loop, and gives what becomes of it. Cancelling that cancels the
        other.
        """
        outer: concurrent.futures.Future[T] = concurrent.futures.Future()

        def start() -> None:
            if outer.cancelled():
                return
            try:
                inner = begin()
            except Exception as error:  # noqa: BLE001 - whoever waits gets it
                outer.set_exception(error)
                return
            inner.add_done_callback(lambda done: _copy(done, outer, lambda result: result))
            outer.add_done_callback(
                lambda done: self._loop.call_soon_threadsafe(inner.cancel) if done.cancelled() else None
            )

        self._loop.call_soon_threadsafe(start)
        return outer


def read_outputs(name: str, ended: action_pb2.Action) -> dict[str, Any]:
    """The outputs of a child that has ended. Raises ChildFailed if it did not succeed."""
    if not _has_succeeded(ended):
        error = read(ActionError, ended.error) if ended.HasField("error") else None
        raise ChildFailed(name, _state_name(ended), error)
    return from_values(ended.outputs)


def is_recorded(step: action_pb2.Action) -> bool:
    """True of a step that an earlier attempt has done."""
    return has_ended(step)


async def _added(child: Child) -> action_pb2.Action:
    return await asyncio.shield(child.added)


def _has_succeeded(action: action_pb2.Action) -> bool:
    return action.state in (action_pb2.Action.STATE_SUCCEEDED, action_pb2.Action.STATE_RECOVERED)


def _state_name(action: action_pb2.Action) -> str:
    return action_pb2.Action.State.Name(action.state).removeprefix("STATE_")


def _copy(
    done: asyncio.Future[Any], outer: concurrent.futures.Future[T], convert: Callable[[Any], T]
) -> None:
    if outer.done() or not outer.set_running_or_notify_cancel():
        return
    if done.cancelled():
        outer.set_exception(AttemptEnded("the wait was given up"))
    elif (error := done.exception()) is not None:
        outer.set_exception(error)
    else:
        outer.set_result(convert(done.result()))


def _fail_with(done: concurrent.futures.Future[Any], added: concurrent.futures.Future[None]) -> None:
    error = None if done.cancelled() else done.exception()
    if error is not None and not added.done():
        added.set_exception(error)
