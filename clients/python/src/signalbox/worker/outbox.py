"""What a worker holds and what it still has to say."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence

from signalbox.limits import FRAME_BYTES_MAX, FRAME_PARTS_MAX, HELD_MAX
from signalbox.v1 import action_pb2, worker_service_pb2
from signalbox.v1.worker_service_pb2 import AttachRequest, AttemptReference, AttemptReport
from signalbox.worker.held import (
    ActionKey,
    HeldAttempt,
    Key,
    action_key_of,
    is_end,
    key_of,
)
from signalbox.worker.refusals import ends_attempt, to_refused
from signalbox.worker.starts import Starts


class Outbox:
    """What a worker holds and what it still has to say, across all its streams. It does no I/O.

    Frames come out when the stream has room for one, and then with all that has gathered since the last.
    Nothing that was reported is forgotten before the server has recorded it: after `restart`, which begins a
    stream, starts that the server may not know of and all reports not yet recorded are sent again, in order.
    Calls for children are sent once; who waits for their answers asks again.
    """

    def __init__(self, concurrency: int, wake: Callable[[], None]) -> None:
        """`concurrency` is how many attempts may hold a place at once; `wake` says that there is a frame to
        take.
        """
        self._concurrency = concurrency
        self._held: dict[Key, HeldAttempt] = {}
        self._latest: dict[ActionKey, HeldAttempt] = {}
        self._starts = Starts(wake)
        self._open_credit = 0
        self._occupied = 0
        self._gives_credit = True
        self._calls: deque[AttachRequest] = deque()
        self._reports: deque[tuple[HeldAttempt, AttemptReport]] = deque()
        self._declines: deque[AttachRequest] = deque()

    def close(self) -> None:
        """Says nothing by itself any more."""
        self._starts.close()

    @property
    def is_empty(self) -> bool:
        """True if nothing is held and nothing is left to say."""
        return not self._held and not self._declines

    @property
    def held(self) -> Sequence[HeldAttempt]:
        """All that is held."""
        return list(self._held.values())

    def inventory(self) -> list[AttemptReference]:
        """The attempts whose leases are wanted: those that run and those whose end is not yet recorded."""
        return [held.reference for held in self._held.values() if held.state != "lost"]

    def stop_credit(self) -> None:
        """Gives no more credit from here on."""
        self._gives_credit = False

    def restart(self) -> None:
        """Begins a stream: what the stream before may not have brought across is to be sent."""
        self._open_credit = 0
        self._calls.clear()
        known = [held for held in self._held.values() if held.state in ("accepted", "ended")]
        self._starts.restart(known)
        self._reports = deque((held, report) for held in known for report in held.waiting.values())

    def hold(
        self, assignments: Iterable[worker_service_pb2.Assignment]
    ) -> tuple[list[tuple[HeldAttempt, worker_service_pb2.Assignment]], list[HeldAttempt]]:
        """Holds what was assigned; gives what was not held already, and what is lost by it.

        Epochs grow with each lease on an action: what is assigned under a lower one than is held comes late
        and is declined, and what is held under a lower one is lost.
        """
        taken = []
        lost = []
        for assignment in assignments:
            self._open_credit = max(0, self._open_credit - 1)
            reference = assignment.attempt
            if key_of(reference) in self._held:
                continue
            earlier = self._latest.get(action_key_of(reference))
            if earlier is not None and earlier.reference.epoch > reference.epoch:
                cause = f"the action is held under epoch {earlier.reference.epoch}"
                decline = worker_service_pb2.Decline(attempt=reference, cause=cause)
                self._declines.append(AttachRequest(decline=decline))
                continue
            if earlier is not None and earlier.state != "lost":
                lost.append(earlier)
            held = HeldAttempt(reference)
            self._held[key_of(reference)] = self._latest[action_key_of(reference)] = held
            self._occupied += 1
            taken.append((held, assignment))
        # Of two leases in one frame the lower one never starts.
        for held, _ in taken:
            if held in lost:
                self._occupy(held, settled=True)
        return [(held, assignment) for held, assignment in taken if held not in lost], lost

    def find(self, reference: AttemptReference) -> HeldAttempt | None:
        """The attempt, if it is held and not lost."""
        held = self._held.get(key_of(reference))
        return None if held is None or held.state == "lost" else held

    def accept(self, held: HeldAttempt) -> None:
        """The task of an attempt starts."""
        if held.state == "assigned":
            held.state = "accepted"
            self._starts.add(held)

    def decline(self, held: HeldAttempt, cause: str) -> None:
        """An attempt does not start here."""
        if held.state != "lost":
            decline = worker_service_pb2.Decline(attempt=held.reference, cause=cause)
            self._declines.append(AttachRequest(decline=decline))
        self._occupy(held, settled=True)
        self._forget(held)

    def report(self, held: HeldAttempt, report: AttemptReport) -> None:
        """Keeps a report, and sends it after each attach until it is recorded."""
        if held.state == "lost":
            return
        if is_end(report):
            held.state = "ended"
            self._occupy(held, settled=True)
        held.waiting[report.sequence] = report
        self._reports.append((held, report))

    def add(self, held: HeldAttempt, call_id: int, actions: Iterable[action_pb2.NewAction]) -> None:
        """Sends a call for children, on the stream that is open."""
        if held.state != "lost":
            call = worker_service_pb2.AddActions(attempt=held.reference, call_id=call_id, actions=actions)
            self._calls.append(AttachRequest(add_actions=call))

    def wait(self, held: HeldAttempt, is_waiting: bool) -> None:
        """The task waits for a child, and another may have its place meanwhile; or no longer does."""
        self._occupy(held, is_waiting=is_waiting)

    def settle(self, held: HeldAttempt) -> None:
        """The task has returned, and its place is free."""
        self._occupy(held, settled=True)
        self._forget_if_over(held)

    def recorded(self, answers: Iterable[worker_service_pb2.RecordedReport]) -> list[HeldAttempt]:
        """Takes the answers to reports: the recorded are forgotten, and so are the refused. Gives those that
        are lost.
        """
        lost = []
        for answer in answers:
            held = self._held.get(key_of(answer.attempt))
            report = None if held is None else held.waiting.pop(answer.sequence, None)
            if held is None or report is None:
                continue
            if not answer.HasField("refusal"):
                held.start_confirmed = True
                self._tell_recorded(held, answer)
            elif ends_attempt(answer.refusal, report):
                lost.append(held)
            else:
                # A refused success leaves the attempt running at the server; a failure is reported instead.
                if report.WhichOneof("content") == "succeeded":
                    held.state = "accepted"
                self._tell_recorded(held, answer)
            self._forget_if_over(held)
        return lost

    def lose(self, held: HeldAttempt) -> None:
        """Forgets what an attempt has to say, since nothing it says counts any more."""
        held.state = "lost"
        held.waiting.clear()
        self._forget_if_over(held)

    def take_frame(self) -> AttachRequest | None:
        """The next frame for a stream that is attached, or nothing if there is nothing to say."""
        frame = self._starts.take_frame()
        if frame is None and self._calls:
            frame = self._calls.popleft()
        if frame is None:
            frame = self._take_reports()
        if frame is None and self._declines:
            frame = self._declines.popleft()
        return self._take_credit() if frame is None else frame

    def _take_reports(self) -> AttachRequest | None:
        taken: list[AttemptReport] = []
        size_bytes = 0
        while self._reports and len(taken) < FRAME_PARTS_MAX:
            held, report = self._reports[0]
            if held.waiting.get(report.sequence) is report:
                size_bytes += report.ByteSize() + 8
                if taken and size_bytes > FRAME_BYTES_MAX:
                    break
                taken.append(report)
            self._reports.popleft()
        return AttachRequest(report=worker_service_pb2.Report(reports=taken)) if taken else None

    def _take_credit(self) -> AttachRequest | None:
        """Fills the credit up to the places that are free."""
        if not self._gives_credit:
            return None
        places = min(self._concurrency - self._occupied, HELD_MAX - len(self._held))
        amount = places - self._open_credit
        if amount <= 0:
            return None
        self._open_credit += amount
        return AttachRequest(credit=worker_service_pb2.Credit(amount=amount))

    def _tell_recorded(self, held: HeldAttempt, answer: worker_service_pb2.RecordedReport) -> None:
        if held.events is not None:
            refusal = to_refused(answer.refusal) if answer.HasField("refusal") else None
            held.events.recorded(answer.sequence, refusal)

    def _occupy(
        self, held: HeldAttempt, *, is_waiting: bool | None = None, settled: bool | None = None
    ) -> None:
        before = held.places
        if is_waiting is not None:
            held.is_waiting = is_waiting
        if settled is not None:
            held.settled = settled
        self._occupied += held.places - before

    def _forget_if_over(self, held: HeldAttempt) -> None:
        if held.is_over:
            self._forget(held)

    def _forget(self, held: HeldAttempt) -> None:
        self._held.pop(key_of(held.reference), None)
        if self._latest.get(action_key_of(held.reference)) is held:
            del self._latest[action_key_of(held.reference)]
