"""Attempts as a session holds them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from signalbox.v1 import action_pb2, worker_service_pb2
from signalbox.worker.errors import Refused

Key = tuple[str, str, str, int, int]
"""What tells attempts apart: the same attempt under another lease is another one."""


ActionKey = tuple[str, str, str]
"""What tells actions apart, whatever their attempts and leases."""


class AttemptEvents(Protocol):
    """What an attempt hears of its session."""

    def recorded(self, sequence: int, refusal: Refused | None) -> None:
        """A report is durable, or refused."""

    def cancelled(self, cause: str, grace: float) -> None:
        """The attempt must end."""

    def added(self, call_id: int, actions: Sequence[action_pb2.Action], refusal: Refused | None) -> None:
        """The answer to a call for children."""

    def child_ended(self, action: action_pb2.Action) -> None:
        """A child has ended."""

    def lost(self, cause: str) -> None:
        """The lease has moved on."""

    def reattached(self) -> None:
        """A new stream is attached: answers on their way over the old one are lost."""


@dataclass(eq=False)
class HeldAttempt:
    """One attempt as a session holds it, from its assignment until its end is recorded and its place is free.

    - `assigned`: accepted or declined next.
    - `accepted`: its task runs.
    - `ended`: its end is reported; it stays in the inventory until that is recorded, so that its lease is
      kept.
    - `lost`: its lease has moved on; it takes a place while its task still runs, and nothing else.
    """

    reference: worker_service_pb2.AttemptReference
    state: Literal["assigned", "accepted", "ended", "lost"] = "assigned"
    start_confirmed: bool = False
    """True once the server has shown that it knows of the start. Until then each new stream says so again."""
    is_waiting: bool = False
    """True while the task waits for a child and leaves its place to another."""
    settled: bool = False
    """True once the task has returned and the place is free."""
    waiting: dict[int, worker_service_pb2.AttemptReport] = field(default_factory=dict)
    """The reports that wait to be recorded, by sequence number, in order."""
    events: AttemptEvents | None = None
    """Who hears of it; None before its task starts."""

    @property
    def places(self) -> int:
        """How many places it takes."""
        return 0 if self.is_waiting or self.settled else 1

    @property
    def is_over(self) -> bool:
        """True if nothing is left to be done or said."""
        return self.settled and not self.waiting and self.state in ("ended", "lost")


def key_of(reference: worker_service_pb2.AttemptReference) -> Key:
    """The key of an attempt under one lease."""
    return (
        reference.namespace,
        reference.run_id,
        reference.action,
        reference.attempt,
        reference.epoch,
    )


def action_key_of(reference: worker_service_pb2.AttemptReference) -> ActionKey:
    """The key of an action."""
    return (reference.namespace, reference.run_id, reference.action)


def is_end(report: worker_service_pb2.AttemptReport) -> bool:
    """True of the reports after which nothing follows."""
    return report.WhichOneof("content") in ("succeeded", "failed", "stopped")
