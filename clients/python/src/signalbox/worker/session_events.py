"""What a session tells its worker."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from signalbox.v1 import worker_service_pb2
from signalbox.worker.errors import Refused
from signalbox.worker.held import HeldAttempt


class SessionEvents(Protocol):
    """What a worker hears of its session, in order. `ended` is the last."""

    def attached(self, session_id: str, lease: float, kept_count: int) -> None:
        """A stream is attached."""

    def detached(self, cause: str, retry: float) -> None:
        """The stream is gone; the next one opens in so many seconds."""

    def assigned(self, taken: Sequence[tuple[HeldAttempt, worker_service_pb2.Assignment]]) -> None:
        """There is work."""

    def draining(self) -> None:
        """The server asks the worker to drain, and the session has begun to."""

    def declined(self, refusal: Refused) -> None:
        """A frame was declined and there is nothing to do about it."""

    def lost(self, held: HeldAttempt, cause: str) -> None:
        """The lease of an attempt has moved on."""

    def ended(self, failure: BaseException | None) -> None:
        """The session is over: as asked for, or for a reason that needs somebody's attention."""
