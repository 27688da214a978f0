"""Which starts are still to be said."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from signalbox.limits import FRAME_PARTS_MAX, START_DELAY
from signalbox.v1 import worker_service_pb2
from signalbox.worker.held import HeldAttempt


class Starts:
    """The attempts whose start is to be said.

    A start waits for a moment: whatever an attempt reports says that it has started too, so that of a short
    task only the end is said.
    """

    def __init__(self, wake: Callable[[], None]) -> None:
        """`wake` is called when there is a frame to take."""
        self._wake = wake
        self._due: list[HeldAttempt] = []
        self._fresh: list[HeldAttempt] = []
        self._timer: asyncio.TimerHandle | None = None

    def add(self, held: HeldAttempt) -> None:
        """A task starts."""
        self._fresh.append(held)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(START_DELAY, self._ripen)

    def restart(self, known: Iterable[HeldAttempt]) -> None:
        """A stream begins: says at once what the server may not know of."""
        self._due = list(known)
        self._fresh = []

    def take_frame(self) -> worker_service_pb2.AttachRequest | None:
        """The next frame of starts."""
        while self._due:
            batch, self._due = self._due[:FRAME_PARTS_MAX], self._due[FRAME_PARTS_MAX:]
            said = [held.reference for held in batch if _is_to_be_said(held)]
            if said:
                return worker_service_pb2.AttachRequest(accept=worker_service_pb2.Accept(attempts=said))
        return None

    def close(self) -> None:
        """Calls nobody any more."""
        if self._timer is not None:
            self._timer.cancel()

    def _ripen(self) -> None:
        self._timer = None
        self._due += self._fresh
        self._fresh = []
        self._wake()


def _is_to_be_said(held: HeldAttempt) -> bool:
    return held.state == "accepted" and not held.start_confirmed and not held.waiting
