"""One attempt that runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from signalbox.limits import CAUSE_LENGTH_MAX, HEARTBEAT_INTERVAL_MIN
from signalbox.model.convert import to_seconds
from signalbox.v1 import action_pb2
from signalbox.v1.worker_service_pb2 import (
    Assignment,
    AttemptReport,
    Stopped,
    Succeeded,
)
from signalbox.values import from_values
from signalbox.worker.children import Children
from signalbox.worker.context import TaskContext
from signalbox.worker.door import AttemptDoor
from signalbox.worker.errors import (
    AttemptCancelled,
    AttemptEnded,
    AttemptLost,
    Refused,
    WorkerError,
    WorkerStopped,
)
from signalbox.worker.function import OpFunction
from signalbox.worker.held import HeldAttempt
from signalbox.worker.invocation import AsyncInvocation, Invocation, SyncInvocation
from signalbox.worker.outcome import clip, to_action_error, to_outputs
from signalbox.worker.reports import Reports
from signalbox.worker.session import Session
from signalbox.worker.sync_context import SyncTaskContext
from signalbox.worker.threads import Threads


@dataclass(frozen=True)
class Places:
    """Where functions run."""

    loop: asyncio.AbstractEventLoop
    """Async ones."""
    threads: Threads
    """Sync ones."""


class RunningAttempt:
    """One attempt. It lives on the event loop of its session; only its function runs elsewhere.

    - running: the function has not returned. A cancel, a lost lease or a stopping worker interrupts it.
    - returned: its end is reported, unless the attempt was lost or given back; its place is free.
    - over: the end is recorded, or nothing is to be recorded.
    """

    def __init__(
        self,
        held: HeldAttempt,
        assignment: Assignment,
        function: OpFunction,
        session: Session,
        places: Places,
        on_over: Callable[[HeldAttempt], None],
    ) -> None:
        self._held = held
        self._assignment = assignment
        self._function = function
        self._session = session
        self._places = places
        self._on_over = on_over
        self._reports = Reports(held.reference, lambda report: session.report(held, report))
        self._children = Children(
            held.reference.action, lambda call_id, actions: session.add(held, call_id, actions)
        )
        self._door = AttemptDoor(self._reports, self._children, self._wait)
        self._invocation: Invocation | None = None
        self._has_returned = False
        self._is_silenced = False

    def start(self) -> asyncio.Task[None]:
        """Calls the function. The task is done when it has returned and its end is reported."""
        return asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        beats = self._start_beating()
        try:
            invocation = self._invoke()
            self._invocation = invocation
            if self._door.interruption is not None:
                invocation.cancel()
            outputs = to_outputs(await invocation.outcome())
            self._end(AttemptReport(succeeded=Succeeded(outputs=outputs)))
        except BaseException as error:  # noqa: BLE001 - it is the attempt's end, whatever it is
            self._end(self._to_failed_end(error))
        finally:
            if beats is not None:
                beats.cancel()

    def _invoke(self) -> Invocation:
        inputs = from_values(self._assignment.inputs)
        if self._function.is_async:
            context = TaskContext(self._assignment, self._door)
            return AsyncInvocation(self._function.bind(context, inputs), self._places.loop)
        sync_context = SyncTaskContext(self._assignment, self._door)
        return SyncInvocation(self._function.bind(sync_context, inputs), self._places.threads)

    # What the session tells.

    def recorded(self, sequence: int, refusal: Refused | None) -> None:
        """A report is durable, or refused."""
        kind = self._reports.recorded(sequence, refusal)
        if kind == "succeeded" and refusal is not None:
            self._reports.end(AttemptReport(failed=to_action_error(refusal)))
        elif kind in ("succeeded", "failed", "stopped"):
            self._on_over(self._held)

    def cancelled(self, cause: str, grace: float) -> None:
        """The attempt must end; it has until the grace is over to say so itself."""
        self._interrupt(AttemptCancelled(cause, grace))

    def added(self, call_id: int, actions: Sequence[action_pb2.Action], refusal: Refused | None) -> None:
        """The answer to a call for children."""
        self._children.answered(call_id, actions, refusal)

    def child_ended(self, action: action_pb2.Action) -> None:
        """A child has ended."""
        self._children.ended(action)

    def lost(self, cause: str) -> None:
        """The lease has moved on."""
        self._silence(AttemptLost(cause))

    def reattached(self) -> None:
        """A new stream is attached."""
        self._children.reattached()

    def give_back(self) -> None:
        """The worker leaves before the attempt has ended."""
        self._silence(WorkerStopped("the worker stops before the attempt has ended"))

    def _wait(self, is_waiting: bool) -> None:
        if not self._has_returned:
            self._session.wait(self._held, is_waiting)

    def _start_beating(self) -> asyncio.Task[None] | None:
        timeout = to_seconds(self._assignment.heartbeat_timeout)
        if timeout <= 0:
            return None
        return asyncio.get_running_loop().create_task(self._beat(max(HEARTBEAT_INTERVAL_MIN, timeout / 3)))

    async def _beat(self, interval: float) -> None:
        """Beats from the loop that runs the function, so that one that keeps it busy is found to hang. A sync
        function beats by itself, but while it waits for a child.
        """
        while True:
            await asyncio.sleep(interval)
            if self._invocation is None or self._held.is_waiting:
                self._reports.heartbeat()
            else:
                self._invocation.on_its_thread(self._door.heartbeat)

    def _to_failed_end(self, error: BaseException) -> AttemptReport:
        interruption = self._door.interruption
        if isinstance(interruption, AttemptCancelled):
            message = clip(str(error) or str(interruption), CAUSE_LENGTH_MAX)
            return AttemptReport(stopped=Stopped(message=message))
        return AttemptReport(failed=to_action_error(error))

    def _end(self, report: AttemptReport) -> None:
        self._has_returned = True
        if self._is_silenced:
            self._session.settle(self._held)
            self._on_over(self._held)
        else:
            self._reports.end(report)
        ended = AttemptEnded("the attempt has ended")
        self._reports.close(ended)
        self._children.close(ended)
        self._door.close(ended)

    def _silence(self, reason: WorkerError) -> None:
        self._is_silenced = True
        self._interrupt(reason)
        self._reports.close(reason)
        if self._has_returned:
            self._on_over(self._held)

    def _interrupt(self, reason: WorkerError) -> None:
        if self._has_returned:
            return
        self._door.interrupt(reason)
        if self._invocation is not None:
            self._invocation.cancel()
        # Whoever waits in a thread cannot be interrupted in another way.
        if not self._function.is_async:
            self._children.close(reason)
