"""The children that one attempt asks for and waits for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from signalbox.limits import FRAME_BYTES_MAX, FRAME_PARTS_MAX
from signalbox.v1 import action_pb2
from signalbox.worker.errors import Refused

_ENDS = frozenset(
    {
        action_pb2.Action.STATE_SUCCEEDED,
        action_pb2.Action.STATE_FAILED,
        action_pb2.Action.STATE_CANCELLED,
        action_pb2.Action.STATE_TIMED_OUT,
        action_pb2.Action.STATE_SKIPPED,
        action_pb2.Action.STATE_RECOVERED,
    }
)


@dataclass(eq=False)
class Child:
    """A child that is asked for. Both futures may be left alone."""

    name: str
    """The child's whole name."""
    new_action: action_pb2.NewAction
    added: asyncio.Future[action_pb2.Action]
    """The child as it stood when the server answered."""
    ended: asyncio.Future[action_pb2.Action]
    """The child as it ended; never done for a step, which the attempt itself ends."""
    ended_early: bool = False
    """An end was pushed before the call was answered. It may be that of a child which is open again by
    now.
    """


class Children:
    """The children that one attempt asks for and waits for.

    What is asked for in one turn of the event loop goes out as one call; if the server declines it, each
    child is asked for alone, so that a task learns which one is at fault. A push of an end is lost if the
    stream breaks at that moment, so after each attach everything that is still waited for is asked for again:
    a child that exists is found by its name, and the answer says how it stands.
    """

    def __init__(self, action: str, call: Callable[[int, Iterable[action_pb2.NewAction]], None]) -> None:
        """`action` is the parent's whole name, which the names of its children begin with."""
        self._action = action
        self._send_call = call
        self._open: dict[str, list[Child]] = {}
        self._called: dict[int, list[Child]] = {}
        self._unasked: list[Child] = []
        self._last_call_id = 0

    def add(self, new_action: action_pb2.NewAction) -> Child:
        """Asks for a child, or finds the one of that name. Raises ValueError for one that fits no frame."""
        size_bytes = new_action.ByteSize()
        if size_bytes > FRAME_BYTES_MAX:
            told = f"takes {size_bytes} bytes, and at most {FRAME_BYTES_MAX} may be"
            raise ValueError(f"the child {new_action.name} {told}")
        loop = asyncio.get_running_loop()
        name = f"{self._action}/{new_action.name}"
        child = Child(name, new_action, loop.create_future(), loop.create_future())
        for future in (child.added, child.ended):
            # What fails unobserved is no unhandled error.
            future.add_done_callback(lambda done: done.cancelled() or done.exception())
        self._open.setdefault(name, []).append(child)
        self._ask([child])
        return child

    def answered(self, call_id: int, actions: Sequence[action_pb2.Action], refusal: Refused | None) -> None:
        """Takes the answer to a call."""
        children = self._called.pop(call_id, [])
        if refusal is not None and len(children) > 1:
            for child in children:
                self._call([child])
        elif refusal is not None:
            for child in children:
                self._fail(child, refusal)
        else:
            for child, action in zip(children, actions, strict=False):
                self._added(child, action)

    def ended(self, action: action_pb2.Action) -> None:
        """Takes the end of a child."""
        for child in list(self._open.get(action.name, ())):
            if child.added.done():
                self._end(child, action)
            else:
                child.ended_early = True

    def reattached(self) -> None:
        """Asks again for all that is waited for, since answers and ends on their way are lost with a
        stream.
        """
        self._called.clear()
        self._ask([child for children in self._open.values() for child in children])

    def close(self, error: BaseException) -> None:
        """Ends every wait with the error."""
        for children in list(self._open.values()):
            for child in list(children):
                self._fail(child, error)

    def _ask(self, children: Iterable[Child]) -> None:
        is_first = not self._unasked
        self._unasked += [child for child in children if child not in self._unasked]
        if is_first and self._unasked:
            asyncio.get_running_loop().call_soon(self._call_unasked)

    def _call_unasked(self) -> None:
        unasked, self._unasked = self._unasked, []
        batch: list[Child] = []
        size_bytes = 0
        for child in unasked:
            if child not in self._open.get(child.name, ()):
                continue
            child_bytes = child.new_action.ByteSize() + 8
            if batch and (len(batch) == FRAME_PARTS_MAX or size_bytes + child_bytes > FRAME_BYTES_MAX):
                self._call(batch)
                batch, size_bytes = [], 0
            batch.append(child)
            size_bytes += child_bytes
        if batch:
            self._call(batch)

    def _call(self, children: list[Child]) -> None:
        self._last_call_id += 1
        self._called[self._last_call_id] = children
        self._send_call(self._last_call_id, [child.new_action for child in children])

    def _added(self, child: Child, action: action_pb2.Action) -> None:
        if not child.added.done():
            child.added.set_result(action)
        if has_ended(action) or child.new_action.HasField("trace"):
            self._end(child, action)
        elif child.ended_early:
            child.ended_early = False
            self._ask([child])

    def _end(self, child: Child, action: action_pb2.Action) -> None:
        self._close(child)
        if has_ended(action) and not child.ended.done():
            child.ended.set_result(action)

    def _fail(self, child: Child, error: BaseException) -> None:
        self._close(child)
        for future in (child.added, child.ended):
            if not future.done():
                future.set_exception(error)

    def _close(self, child: Child) -> None:
        others = [other for other in self._open.get(child.name, ()) if other is not child]
        if others:
            self._open[child.name] = others
        else:
            self._open.pop(child.name, None)


def has_ended(action: action_pb2.Action) -> bool:
    """True of an action that has reached its end."""
    return action.state in _ENDS
