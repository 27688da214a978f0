"""A worker's session with its server, across streams."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable, Sequence
from typing import Literal

from signalbox.client.channel import Connector
from signalbox.limits import LEAVE_TIMEOUT, RECONNECT_DELAY_MAX, RECONNECT_DELAY_MIN
from signalbox.model.convert import to_seconds
from signalbox.v1 import action_pb2, worker_service_pb2
from signalbox.v1.worker_service_pb2 import AttachRequest, AttachResponse, AttemptReport
from signalbox.worker.held import HeldAttempt
from signalbox.worker.link import Link
from signalbox.worker.outbox import Outbox
from signalbox.worker.refusals import Closing, ends_attempt, read_failure, to_refused
from signalbox.worker.session_events import SessionEvents


class Session:
    """A worker's session with its server: it attaches, keeps what is held, and attaches again with backoff
    for as long as it is not told to leave. It lives on one event loop, and its methods are called there.

    - detached: no stream; the next one opens when the delay is over. What is reported waits in the outbox.
    - attaching, attached: as the link is. With each Attached, the outbox begins again.
    - moving: the server said Leave. The link still carries frames while a successor attaches, then the
      successor takes its place. If the link closes first, the session is detached and goes on the same way.
    - draining: beside the above; nothing more is taken. When nothing is held and all is recorded, the session
      leaves.
    - leaving, ended: Leave is said; the end of the stream, or the end of patience, ends the session.

    A stream that ends with SESSION_GONE because another process took the worker's name ends the session: two
    processes of one name that both attach again would take the name from each other for ever.
    """

    def __init__(
        self,
        connector: Connector,
        identity: worker_service_pb2.Attach,
        concurrency: int,
        events: SessionEvents,
    ) -> None:
        self._connector = connector
        self._identity = identity
        self._events = events
        self._outbox = Outbox(concurrency, self._wake)
        self._link: Link | None = None
        self._successor: Link | None = None
        self._delay: asyncio.TimerHandle | None = None
        self._goodbye: str | None = None
        self._was_attached = False
        self._failures = 0
        self._state: Literal["open", "draining", "leaving", "ended"] = "open"

    # What the worker asks for.

    def start(self) -> None:
        """Opens the first stream."""
        self._attach()

    def accept(self, held: HeldAttempt) -> None:
        """The task of an attempt starts."""
        self._outbox.accept(held)
        self._wake()

    def decline(self, held: HeldAttempt, cause: str) -> None:
        """An attempt does not start here."""
        self._outbox.decline(held, cause)
        self._wake()

    def report(self, held: HeldAttempt, report: AttemptReport) -> None:
        """Says something about an attempt."""
        self._outbox.report(held, report)
        self._wake()

    def add(self, held: HeldAttempt, call_id: int, actions: Iterable[action_pb2.NewAction]) -> None:
        """Asks for children."""
        self._outbox.add(held, call_id, actions)
        self._wake()

    def wait(self, held: HeldAttempt, is_waiting: bool) -> None:
        """The task of an attempt waits for a child, or no longer does."""
        self._outbox.wait(held, is_waiting)
        self._wake()

    def settle(self, held: HeldAttempt) -> None:
        """The task of an attempt that does not count any more has returned."""
        self._outbox.settle(held)
        self._wake()

    def drain(self) -> None:
        """Takes no more work, and leaves when everything has ended and is recorded."""
        if self._state != "open":
            return
        self._state = "draining"
        self._outbox.stop_credit()
        if self._link is not None and self._link.is_attached:
            self._link.say(AttachRequest(drain=worker_service_pb2.Drain()))
        self._wake()

    def leave(self, cause: str) -> None:
        """Leaves now; what is held is given back."""
        if self._state in ("leaving", "ended"):
            return
        self._state = "leaving"
        self._outbox.stop_credit()
        self._cancel_delay()
        if self._successor is not None:
            self._successor.abort()
            self._successor = None
        if self._link is None or not self._link.is_attached:
            self._end(None)
            return
        self._link.leave(cause)
        self._delay = asyncio.get_running_loop().call_later(LEAVE_TIMEOUT, self._end, None)

    # What the links tell.

    def attached(self, link: Link, attached: worker_service_pb2.Attached) -> None:
        """A stream is attached."""
        if link is self._successor:
            if self._link is not None:
                self._link.abort()
            self._link, self._successor = link, None
        self._goodbye = None
        self._was_attached = True
        self._outbox.restart()
        for reference in attached.drop:
            self._lose(
                self._outbox.find(reference), "the server gave the attempt to another worker or ended it"
            )
        self._events.attached(attached.session_id, to_seconds(attached.lease), len(attached.keep))
        for held in self._outbox.held:
            if held.events is not None:
                held.events.reattached()
        if self._state == "draining":
            link.say(AttachRequest(drain=worker_service_pb2.Drain()))
        self._wake()

    def received(self, link: Link, frame: AttachResponse) -> None:
        """A frame has come."""
        kind = frame.WhichOneof("frame")
        if kind == "assign":
            self._assigned(frame.assign.assignments)
        elif kind == "recorded":
            for held in self._outbox.recorded(frame.recorded.reports):
                self._lose(held, "the lease of the attempt has moved on")
            self._wake()
        elif kind == "cancel":
            for cancelled in frame.cancel.attempts:
                found = self._outbox.find(cancelled.attempt)
                if found is not None and found.events is not None:
                    found.events.cancelled(cancelled.cause, to_seconds(cancelled.grace))
        elif kind == "actions_added":
            self._added(frame.actions_added)
        elif kind == "child_ended":
            found = self._outbox.find(frame.child_ended.attempt)
            if found is not None and found.events is not None:
                found.events.child_ended(frame.child_ended.action)
        elif kind == "declined":
            self._declined(frame.declined)
        elif kind == "drain":
            self._events.draining()
            self.drain()
        elif kind == "leave":
            self._move(frame.leave)

    def closed(self, link: Link, closing: Closing) -> None:
        """A stream is gone."""
        was_successor = link is self._successor
        if was_successor:
            self._successor = None
        else:
            self._link = None
        if self._state == "leaving":
            self._end(None)
            return
        # With a successor on its way, it is the successor that has taken the place of the link.
        failure: BaseException | None = None
        if self._successor is None:
            failure = read_failure(closing, self._goodbye, is_known=self._was_attached)
        if failure is not None:
            self._end(failure)
            return
        if self._link is None:
            self._link, self._successor = self._successor, None
        if self._delay is not None or (self._link is not None and not was_successor):
            return
        retry = self._next_delay(closing)
        self._events.detached(closing.message, retry)
        self._attach_after(retry)

    def broke(self, error: BaseException) -> None:
        """A fault of this program ends the session."""
        self._end(error)

    # How it goes on.

    def _attach(self) -> None:
        attach = worker_service_pb2.Attach()
        attach.CopyFrom(self._identity)
        attach.running.extend(self._outbox.inventory())
        link = Link(self._connector, attach, self._outbox.take_frame, self)
        if self._link is None:
            self._link = link
        else:
            self._successor = link

    def _assigned(self, assignments: Sequence[worker_service_pb2.Assignment]) -> None:
        taken, lost = self._outbox.hold(assignments)
        for outdone in lost:
            self._lose(outdone, "the action was assigned under a new lease")
        if self._state == "open":
            self._events.assigned(taken)
            return
        for held, _ in taken:
            self._outbox.decline(held, "the worker is draining")
        self._wake()

    def _added(self, answer: worker_service_pb2.ActionsAdded) -> None:
        held = self._outbox.find(answer.attempt)
        is_refused = answer.HasField("refusal")
        if is_refused and ends_attempt(answer.refusal):
            self._lose(held, answer.refusal.message)
        elif held is not None and held.events is not None:
            refusal = to_refused(answer.refusal) if is_refused else None
            held.events.added(answer.call_id, answer.actions, refusal)

    def _declined(self, declined: worker_service_pb2.Declined) -> None:
        if ends_attempt(declined.refusal):
            self._lose(self._outbox.find(declined.attempt), declined.refusal.message)
        else:
            self._events.declined(to_refused(declined.refusal))

    def _move(self, leave: worker_service_pb2.Leave) -> None:
        """Opens a successor when the server says so; the link goes on carrying frames until it is
        attached.
        """
        self._goodbye = leave.cause
        is_moving = self._successor is not None or self._delay is not None
        if leave.HasField("reconnect_after") and not is_moving and self._state != "leaving":
            retry = to_seconds(leave.reconnect_after)
            self._events.detached(f"the server asks to attach again: {leave.cause}", retry)
            self._attach_after(retry)

    def _attach_after(self, delay: float) -> None:
        def attach() -> None:
            self._delay = None
            self._attach()

        self._delay = asyncio.get_running_loop().call_later(delay, attach)

    def _next_delay(self, closing: Closing) -> float:
        """Twice as long with each failure in a row, moved by chance."""
        self._failures = 1 if closing.was_stable else self._failures + 1
        longest = min(RECONNECT_DELAY_MAX, RECONNECT_DELAY_MIN * 2.0 ** min(self._failures - 1, 30))
        return longest * random.uniform(0.5, 1.0)

    def _wake(self) -> None:
        """Lets the link take what waits, and leaves once a draining worker has nothing left."""
        if self._link is not None:
            self._link.wake()
        if self._state == "draining" and self._outbox.is_empty:
            self.leave("drained")

    def _lose(self, held: HeldAttempt | None, cause: str) -> None:
        if held is not None:
            self._outbox.lose(held)
            self._events.lost(held, cause)
            if held.events is not None:
                held.events.lost(cause)
            self._wake()

    def _end(self, failure: BaseException | None) -> None:
        if self._state == "ended":
            return
        self._state = "ended"
        self._cancel_delay()
        self._outbox.close()
        for link in (self._link, self._successor):
            if link is not None:
                link.abort()
        self._events.ended(failure)

    def _cancel_delay(self) -> None:
        if self._delay is not None:
            self._delay.cancel()
            self._delay = None
