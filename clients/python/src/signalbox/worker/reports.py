"""What one attempt reports."""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from signalbox.limits import (
    CAUSE_LENGTH_MAX,
    MESSAGE_LENGTH_MAX,
    WAITING_EVENTS_MAX,
    WAITING_LOGS_MAX,
)
from signalbox.v1 import event_pb2
from signalbox.v1.worker_service_pb2 import (
    AttemptReference,
    AttemptReport,
    Heartbeat,
    TraceEnded,
)
from signalbox.worker.errors import Refused
from signalbox.worker.held import is_end
from signalbox.worker.outcome import clip


@dataclass(frozen=True)
class _Waiting:
    """A report that waits to be recorded, and who waits for that."""

    kind: str
    recorded: asyncio.Future[None] | None


class Reports:
    """What one attempt reports, numbered from 1. The session keeps each report until it is recorded; this
    side bounds how many there can be of the kinds a task may produce without end:

    - progress: one at a time waits to be recorded, and the latest after it; those between are dropped;
    - heartbeats: one at a time;
    - log lines: so many, then they are dropped and a later line says how many;
    - events: so many, then they are declined until some are recorded.
    """

    def __init__(self, reference: AttemptReference, send: Callable[[AttemptReport], None]) -> None:
        self._reference = reference
        self._send_report = send
        self._sequence = 0
        self._waiting: dict[int, _Waiting] = {}
        self._counts: Counter[str] = Counter()
        self._next_progress: event_pb2.ActionProgressed | None = None
        self._dropped_logs = 0
        self._closed_by: BaseException | None = None

    def progress(self, percent: float, message: str) -> None:
        """Reports how far the attempt is, from 0 to 100; what is outside is moved to the nearer end."""
        bounded = min(100.0, max(0.0, percent)) if not math.isnan(percent) else 0.0
        said = event_pb2.ActionProgressed(percent=bounded, message=clip(message, CAUSE_LENGTH_MAX))
        if self._counts["progress"] > 0:
            self._next_progress = said
        else:
            self._send(AttemptReport(progress=said))

    def log(self, level: event_pb2.LogLevel.ValueType, message: str) -> None:
        """Reports a log line."""
        if self._counts["log"] >= WAITING_LOGS_MAX:
            self._dropped_logs += 1
        else:
            self._send_log(level, message)

    def heartbeat(self) -> None:
        """Reports that the attempt is alive."""
        if self._counts["heartbeat"] == 0:
            self._send(AttemptReport(heartbeat=Heartbeat()))

    def event(self, published: event_pb2.Published) -> asyncio.Future[None]:
        """Reports an event; the future is done when it is recorded."""
        if self._counts["event"] >= WAITING_EVENTS_MAX:
            told = f"{WAITING_EVENTS_MAX} events wait to be recorded; wait for some before the next"
            return _failed(Refused("LIMIT_REACHED", told))
        return self._send_and_wait(AttemptReport(event=published))

    def trace_ended(self, ended: TraceEnded) -> asyncio.Future[None]:
        """Reports how a step ended; the future is done when it is recorded."""
        return self._send_and_wait(AttemptReport(trace_ended=ended))

    def end(self, report: AttemptReport) -> None:
        """Reports the end, after what still has to be said. Nothing may follow but another end in place of a
        refused one.
        """
        self._send_dropped_logs()
        self._send_next_progress()
        self._send(report)

    def recorded(self, sequence: int, refusal: Refused | None) -> str | None:
        """Takes the answer to a report, and gives what kind of report it was."""
        waiting = self._waiting.pop(sequence, None)
        if waiting is None:
            return None
        self._counts[waiting.kind] -= 1
        if waiting.recorded is not None and not waiting.recorded.done():
            if refusal is None:
                waiting.recorded.set_result(None)
            else:
                waiting.recorded.set_exception(refusal)
        if waiting.kind == "progress" and self._closed_by is None:
            self._send_next_progress()
        if waiting.kind == "log" and self._counts["log"] < WAITING_LOGS_MAX / 2:
            self._send_dropped_logs()
        return waiting.kind

    def close(self, error: BaseException) -> None:
        """Ends every wait with the error; what is reported from here on, but for the end, is left out."""
        self._closed_by = self._closed_by or error
        for waiting in self._waiting.values():
            if waiting.recorded is not None and not waiting.recorded.done():
                waiting.recorded.set_exception(error)

    def _send_next_progress(self) -> None:
        said, self._next_progress = self._next_progress, None
        if said is not None:
            self._send(AttemptReport(progress=said))

    def _send_dropped_logs(self) -> None:
        if self._dropped_logs > 0:
            dropped, self._dropped_logs = self._dropped_logs, 0
            told = (
                f"{dropped} log lines are missing before this one: more than {WAITING_LOGS_MAX} were waiting"
            )
            self._send_log(event_pb2.LOG_LEVEL_WARN, f"{told} to be recorded")

    def _send_log(self, level: event_pb2.LogLevel.ValueType, message: str) -> None:
        line = event_pb2.ActionLogged(level=level, message=clip(message, MESSAGE_LENGTH_MAX))
        self._send(AttemptReport(log=line))

    def _send_and_wait(self, report: AttemptReport) -> asyncio.Future[None]:
        if self._closed_by is not None:
            return _failed(self._closed_by)
        recorded = asyncio.get_running_loop().create_future()
        # A task may say things without waiting; that its attempt then ends first is no unhandled error.
        recorded.add_done_callback(lambda future: future.cancelled() or future.exception())
        self._send(report, recorded)
        return recorded

    def _send(self, report: AttemptReport, recorded: asyncio.Future[None] | None = None) -> None:
        if self._closed_by is not None and not is_end(report):
            return
        self._sequence += 1
        kind = report.WhichOneof("content") or ""
        report.attempt.CopyFrom(self._reference)
        report.sequence = self._sequence
        self._waiting[self._sequence] = _Waiting(kind, recorded)
        self._counts[kind] += 1
        self._send_report(report)


def _failed(error: BaseException) -> asyncio.Future[None]:
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    future.set_exception(error)
    future.exception()
    return future
