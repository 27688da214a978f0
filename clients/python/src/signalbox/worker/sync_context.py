"""The context of sync functions."""

from __future__ import annotations

import concurrent.futures
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast, overload

from signalbox import plan
from signalbox.model.condition_terms import ConditionTerms
from signalbox.model.op import RetryPolicy, Timeouts
from signalbox.model.resource import Placement, Resources
from signalbox.model.unset import UNSET
from signalbox.values import PlainValue, from_values, to_values
from signalbox.worker.bounds import checked_action
from signalbox.worker.context import new_trace
from signalbox.worker.door import AttemptDoor, is_recorded, read_outputs
from signalbox.worker.facts import AttemptFacts
from signalbox.worker.outcome import to_step_outputs

if TYPE_CHECKING:
    from typing_extensions import Unpack

T = TypeVar("T")
A = TypeVar("A", bool, int, float, str, dict[str, Any], list[Any])


class SyncTaskContext(AttemptFacts):
    """One attempt, as the sync function that runs it sees it. The function runs in a thread of its own.

    A thread cannot be interrupted: when the attempt must end, `cancelled` is True, what waits for a condition
    or a child raises `cancel_reason`, and so does `sleep`. A function that computes for long asks with
    `raise_if_cancelled`.
    """

    def sleep(self, seconds: float) -> None:
        """Waits, and raises why the attempt must end as soon as it must."""
        self._door.wait_interrupted(seconds)
        self._door.raise_if_interrupted()

    def event(
        self,
        type: str,
        payload: PlainValue = None,
        *,
        source: str = "",
        attributes: Mapping[str, str] | None = None,
    ) -> concurrent.futures.Future[None]:
        """Publishes an event of the task's own, by the name of the op unless a source is said. It is on its
        way when this returns; `.result()` waits until it is durable. At most 1,000 may wait.
        """
        return self._door.event(self._published(type, payload, source, attributes))

    @overload
    def condition(
        self,
        name: str,
        type: type[A],
        *,
        prompt: str = ...,
        description: str = ...,
        timeout: float | None = ...,
        default: A = ...,
        labels: Mapping[str, str] | None = ...,
        **terms: Unpack[ConditionTerms],
    ) -> A: ...

    @overload
    def condition(
        self,
        name: str,
        type: Literal["json"],
        *,
        prompt: str = ...,
        description: str = ...,
        timeout: float | None = ...,
        default: PlainValue = ...,
        labels: Mapping[str, str] | None = ...,
        **terms: Unpack[ConditionTerms],
    ) -> Any: ...

    def condition(
        self,
        name: str,
        type: Any,
        *,
        prompt: str = "",
        description: str = "",
        timeout: float | None = None,
        default: PlainValue = UNSET,
        labels: Mapping[str, str] | None = None,
        **terms: Unpack[ConditionTerms],
    ) -> Any:
        """Waits for a signal, as `TaskContext.condition` does."""
        asked = plan.condition(
            name,
            type,
            prompt=prompt,
            description=description,
            timeout=timeout,
            default=default,
            labels=labels,
            **terms,
        )
        return self._door.condition(name, checked_action(asked)).result()

    def task(
        self,
        name: str,
        op: str,
        inputs: Mapping[str, PlainValue] | None = None,
        *,
        labels: Mapping[str, str] | None = None,
        op_version: int = 0,
        retry: RetryPolicy | None = None,
        timeouts: Timeouts | None = None,
        cancel_grace: float | None = None,
        resources: Resources | None = None,
        placement: Placement | None = None,
        after: Sequence[plan.After] = (),
    ) -> dict[str, Any]:
        """Has a child task executed by any worker, and gives its outputs, as `TaskContext.task` does."""
        asked = plan.task(
            name,
            op,
            inputs,
            labels=labels,
            op_version=op_version,
            retry=retry,
            timeouts=timeouts,
            cancel_grace=cancel_grace,
            resources=resources,
            placement=placement,
            after=after,
        )
        return self._door.task(name, checked_action(asked)).result()

    def start_task(self, child: plan.PlannedAction) -> SyncStartedTask:
        """Like `task` for what `signalbox.plan.task` makes, but returns as soon as the child durably
        exists.
        """
        added, outputs = self._door.start_task(child.name, checked_action(child))
        added.result()
        return SyncStartedTask(child.name, self._door, outputs)

    def step(self, name: str, function: Callable[..., T], /, *args: Any, **kwargs: Any) -> T:
        """Calls a function once over all attempts, and records what it returns, as `TaskContext.step`
        does.
        """
        found = self._door.begin_step(checked_action(new_trace(name))).result()
        if is_recorded(found):
            return cast(T, read_outputs(name, found).get("value"))
        try:
            outputs = to_step_outputs(function(*args, **kwargs))
        except Exception as error:
            # Whether or not it can be recorded, the task goes on with what its step raised.
            concurrent.futures.wait([self._door.fail_step(name, error)])
            raise
        self._door.end_step(name, outputs).result()
        # What is returned is what a later attempt would find, so that both go on from the same.
        return cast(T, from_values(outputs).get("value"))

    def trace(self, name: str) -> SyncTrace:
        """A part of the task that shows in the run: `with ctx.trace("load") as trace: …`; see
        `TaskContext.trace`.
        """
        return SyncTrace(self._door, name)


class SyncStartedTask:
    """A child task that durably exists."""

    def __init__(
        self, name: str, door: AttemptDoor, outputs: concurrent.futures.Future[dict[str, Any]]
    ) -> None:
        self.name: str = name
        """Its name among the attempt's children."""
        self._door = door
        self._outputs = outputs

    def outputs(self) -> dict[str, Any]:
        """Waits for its end and gives its outputs. Raises ChildFailed. It may be left alone."""
        return self._door.wait_for(self._outputs).result()


class SyncTrace:
    """A part of a task that shows in the run."""

    def __init__(self, door: AttemptDoor, name: str) -> None:
        self._door = door
        self._name = name
        self.recorded: bool = False
        """True if an earlier attempt has ended it."""
        self.outputs: dict[str, Any] = {}
        """What it puts out, by name: to be filled in, and as recorded if an earlier attempt has ended it."""

    def __enter__(self) -> SyncTrace:
        found = self._door.begin_step(checked_action(new_trace(self._name))).result()
        self.recorded = is_recorded(found)
        if self.recorded:
            self.outputs = read_outputs(self._name, found)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.recorded:
            return
        if error is None:
            self._door.end_step(self._name, to_values(self.outputs, "the output")).result()
        elif isinstance(error, Exception):
            concurrent.futures.wait([self._door.fail_step(self._name, error)])
