"""Runs what a session is assigned."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence

from signalbox.v1.worker_service_pb2 import Assignment
from signalbox.worker.attempt import Places, RunningAttempt
from signalbox.worker.function import OpFunction
from signalbox.worker.held import HeldAttempt
from signalbox.worker.session import Session


class Runner:
    """Runs the tasks that the session is assigned. It lives on the event loop of the session."""

    def __init__(
        self,
        functions: Mapping[str, OpFunction],
        session: Session,
        places: Places,
        log: logging.Logger,
    ) -> None:
        self._functions = functions
        self._session = session
        self._places = places
        self._log = log
        self._attempts: dict[HeldAttempt, RunningAttempt] = {}
        # A task that nobody refers to may be collected while it runs.
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, taken: Sequence[tuple[HeldAttempt, Assignment]]) -> None:
        """Starts the tasks whose ops have a function, and declines the others."""
        for held, assignment in taken:
            function = self._functions.get(assignment.op)
            if function is None:
                self._session.decline(held, f"the worker has no op {assignment.op}")
                continue
            attempt = RunningAttempt(held, assignment, function, self._session, self._places, self._forget)
            held.events = attempt
            self._attempts[held] = attempt
            self._session.accept(held)
            task = attempt.start()
            self._tasks.add(task)
            task.add_done_callback(self._finish)

    def give_back(self) -> None:
        """Interrupts what still runs, since the worker leaves."""
        for attempt in list(self._attempts.values()):
            attempt.give_back()

    def _forget(self, held: HeldAttempt) -> None:
        self._attempts.pop(held, None)

    def _finish(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._log.error("failed to run an attempt", exc_info=error)
