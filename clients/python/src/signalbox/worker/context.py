"""The context of async functions."""

from __future__ import annotations

import asyncio
import concurrent.futures
import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

from signalbox import plan
from signalbox.model.condition_terms import ConditionTerms
from signalbox.model.op import RetryPolicy, Timeouts
from signalbox.model.resource import Placement, Resources
from signalbox.model.unset import UNSET
from signalbox.v1 import action_pb2
from signalbox.values import PlainValue, from_values, to_values
from signalbox.worker.bounds import checked_action
from signalbox.worker.door import AttemptDoor, is_recorded, read_outputs
from signalbox.worker.facts import AttemptFacts
from signalbox.worker.outcome import to_step_outputs

if TYPE_CHECKING:
    from typing_extensions import Unpack

T = TypeVar("T")
A = TypeVar("A", bool, int, float, str, dict[str, Any], list[Any])


class TaskContext(AttemptFacts):
    """One attempt, as the async function that runs it sees it.

    When the attempt must end, CancelledError is raised in the function, and `cancel_reason` says why. It has
    until the grace is over to clean up.
    """

    def event(
        self,
        type: str,
        payload: PlainValue = None,
        *,
        source: str = "",
        attributes: Mapping[str, str] | None = None,
    ) -> asyncio.Future[None]:
        """Publishes an event of the task's own, by the name of the op unless a source is said. It is on its
        way when this returns; awaiting what it gives waits until it is durable. At most 1,000 may wait.
        """
        future = asyncio.wrap_future(self._door.event(self._published(type, payload, source, attributes)))
        # Who does not await it does not want to hear of it either.
        future.add_done_callback(lambda done: done.cancelled() or done.exception())
        return future

    @overload
    async def condition(
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
    async def condition(
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

    async def condition(
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
        """Waits for a signal of the type, `bool`, `int`, `float`, `str`, `dict`, `list` or `"json"`, by the
        name of the condition among the attempt's children; gives the answer.

        `timeout` is how many seconds it waits, and `default` the answer it takes then; `ConditionTerms` says
        what else it may ask for. Raises ConditionEnded if it ends without one. A later attempt finds the same
        condition, and its answer. While it waits, the attempt leaves its place to another.
        """
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
        return await _wait(self._door.condition(name, checked_action(asked)))

    async def task(
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
        """Has a child task executed by any worker, and gives its outputs. Raises ChildFailed if it ends
        otherwise.

        The name is the key: a later attempt finds the same child, and its outputs. While it waits, the
        attempt leaves its place to another.
        """
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
        return await _wait(self._door.task(name, checked_action(asked)))

    async def start_task(self, child: plan.PlannedAction) -> StartedTask:
        """Like `task` for what `signalbox.plan.task` makes, but returns as soon as the child durably
        exists.
        """
        added, outputs = self._door.start_task(child.name, checked_action(child))
        await _wait(added)
        return StartedTask(child.name, self._door, outputs)

    @overload
    async def step(
        self, name: str, function: Callable[..., Awaitable[T]], /, *args: Any, **kwargs: Any
    ) -> T: ...

    @overload
    async def step(self, name: str, function: Callable[..., T], /, *args: Any, **kwargs: Any) -> T: ...

    async def step(self, name: str, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """Calls a function once over all attempts, and records what it returns.

        A later attempt that comes to a step which has succeeded gets what was recorded, and the function is
        not called. A step that raises is done again by the next attempt. Each name is used once in an
        attempt. Between the end of the function and the record of it the process may die; then the step is
        done again.
        """
        found = await _wait(self._door.begin_step(checked_action(new_trace(name))))
        if is_recorded(found):
            return read_outputs(name, found).get("value")
        try:
            returned = function(*args, **kwargs)
            if inspect.isawaitable(returned):
                returned = await returned
            outputs = to_step_outputs(returned)
        except Exception as error:
            # Whether or not it can be recorded, the task goes on with what its step raised.
            await asyncio.wait([asyncio.wrap_future(self._door.fail_step(name, error))])
            raise
        await _wait(self._door.end_step(name, outputs))
        # What is returned is what a later attempt would find, so that both go on from the same.
        return from_values(outputs).get("value")

    def trace(self, name: str) -> Trace:
        """A part of the task that shows in the run: `async with ctx.trace("load") as trace: …`.

        Other than a step, it is done by each attempt; `trace.recorded` says that an earlier one has ended it,
        and `trace.outputs` what it put out.
        """
        return Trace(self._door, name)


class StartedTask:
    """A child task that durably exists."""

    def __init__(
        self, name: str, door: AttemptDoor, outputs: concurrent.futures.Future[dict[str, Any]]
    ) -> None:
        self.name: str = name
        """Its name among the attempt's children."""
        self._door = door
        self._outputs = outputs

    async def outputs(self) -> dict[str, Any]:
        """Waits for its end and gives its outputs. Raises ChildFailed. It may be left alone."""
        return await _wait(self._door.wait_for(self._outputs))


class Trace:
    """A part of a task that shows in the run."""

    def __init__(self, door: AttemptDoor, name: str) -> None:
        self._door = door
        self._name = name
        self.recorded: bool = False
        """True if an earlier attempt has ended it."""
        self.outputs: dict[str, Any] = {}
        """What it puts out, by name: to be filled in, and as recorded if an earlier attempt has ended it."""

    async def __aenter__(self) -> Trace:
        found = await _wait(self._door.begin_step(checked_action(new_trace(self._name))))
        self.recorded = is_recorded(found)
        if self.recorded:
            self.outputs = read_outputs(self._name, found)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.recorded:
            return
        if error is None:
            await _wait(self._door.end_step(self._name, to_values(self.outputs, "the output")))
        elif isinstance(error, Exception):
            await asyncio.wait([asyncio.wrap_future(self._door.fail_step(self._name, error))])


def new_trace(name: str) -> action_pb2.NewAction:
    """A step that the attempt executes itself."""
    return action_pb2.NewAction(name=name, trace=action_pb2.TraceSpec())


async def _wait(future: concurrent.futures.Future[T]) -> T:
    return await asyncio.wrap_future(future)
