"""What refusals mean for a worker."""

from __future__ import annotations

from dataclasses import dataclass, field

from signalbox.errors import name_reason
from signalbox.v1 import reason_pb2, worker_service_pb2
from signalbox.worker.errors import Refused, WorkerError, WorkerRefused, WorkerSuperseded

_ENDING = frozenset({"STALE_EPOCH", "RUN_ENDED", "RUN_NOT_FOUND"})
"""After these nothing that an attempt says counts any more."""

_ENDING_OF_ACTION = frozenset({"ACTION_ENDED", "ACTION_NOT_FOUND"})
"""The same, where the refusal is about the attempt's own action and not about a step of it."""


@dataclass(frozen=True)
class Closing:
    """Why and when a stream closed."""

    message: str
    """What happened, for people."""
    reason: str = ""
    """The reason of Signalbox's own, if the server gave one."""
    facts: dict[str, str] = field(default_factory=dict)
    was_attached: bool = False
    """True if the server had answered Attach."""
    was_stable: bool = False
    """True if the stream stood long enough to count as a good one."""


def ends_attempt(refusal: reason_pb2.Refusal, report: worker_service_pb2.AttemptReport | None = None) -> bool:
    """True if the refusal of what an attempt said means that it is no longer this worker's."""
    reason = name_reason(refusal.reason)
    is_about_step = report is not None and report.WhichOneof("content") == "trace_ended"
    return reason in _ENDING or (reason in _ENDING_OF_ACTION and not is_about_step)


def to_refused(refusal: reason_pb2.Refusal) -> Refused:
    """A refusal as the task sees it."""
    return Refused(name_reason(refusal.reason), refusal.message)


def read_failure(closing: Closing, goodbye: str | None, *, is_known: bool = False) -> WorkerError | None:
    """Why a session must not attach again after a stream has closed; None if it may.

    `goodbye` is the cause that the server gave in its Leave, if it said one: a session can be gone for other
    causes than that another process took its worker's name, and after those it attaches again. `is_known` is
    true of a worker that was attached before: if its token is not taken any more, it may get a new one.
    """
    if closing.reason == "SESSION_GONE" and closing.was_attached and goodbye in (None, "superseded"):
        cure = "give each process a name of its own, or none"
        return WorkerSuperseded(f"another process attached under the worker's name; {cure}")
    is_unwanted = closing.reason == "INVALID_REQUEST" or (
        closing.reason == "UNAUTHENTICATED" and not is_known
    )
    if is_unwanted and not closing.was_attached:
        return WorkerRefused(closing.message)
    return None
