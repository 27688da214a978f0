"""What the contexts of async and sync functions have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

from signalbox.model.convert import read, to_seconds
from signalbox.model.resource import Resources
from signalbox.v1 import event_pb2
from signalbox.v1.worker_service_pb2 import Assignment
from signalbox.values import PlainValue, to_json
from signalbox.worker.bounds import checked_event
from signalbox.worker.door import AttemptDoor
from signalbox.worker.errors import WorkerError

LogLevel: TypeAlias = Literal["debug", "info", "warn", "error"]
"""How much a log line matters."""

_LEVELS: Mapping[str, event_pb2.LogLevel.ValueType] = {
    "debug": event_pb2.LOG_LEVEL_DEBUG,
    "info": event_pb2.LOG_LEVEL_INFO,
    "warn": event_pb2.LOG_LEVEL_WARN,
    "warning": event_pb2.LOG_LEVEL_WARN,
    "error": event_pb2.LOG_LEVEL_ERROR,
}


class AttemptFacts:
    """One attempt, as the function that runs it sees it."""

    def __init__(self, assignment: Assignment, door: AttemptDoor) -> None:
        reference = assignment.attempt
        self._door = door
        self.namespace: str = reference.namespace
        """The run's namespace, if it is not the worker's own; else empty."""
        self.run_id: str = reference.run_id
        self.action: str = reference.action
        """The action's whole name in the run."""
        self.attempt: int = reference.attempt
        """The number of the attempt, from 1."""
        self.op: str = assignment.op
        self.op_version: int = assignment.op_version
        """The registered version that its defaults came from; 0 for none."""
        self.labels: dict[str, str] = dict(assignment.run_labels)
        """The labels of the run."""
        self.device_indexes: Sequence[int] = tuple(assignment.device_indexes)
        """The devices it was given."""
        self.resources: Resources | None = (
            read(Resources, assignment.resources) if assignment.HasField("resources") else None
        )
        """What it asked for, and holds."""
        self.image: str = assignment.image
        self.handler: str = assignment.handler
        self.timeout: float | None = to_seconds(assignment.start_to_end_timeout) or None
        """How many seconds it may take; None for no limit."""
        self.heartbeat_timeout: float | None = to_seconds(assignment.heartbeat_timeout) or None
        """The longest silence it may keep, in seconds; None for no limit."""

    @property
    def cancelled(self) -> bool:
        """True once the attempt must end, for whatever reason."""
        return self._door.interruption is not None

    @property
    def cancel_reason(self) -> WorkerError | None:
        """Why the attempt must end: AttemptCancelled (raise it, there is a grace), AttemptLost (nothing
        counts any more) or WorkerStopped; None while it need not.
        """
        return self._door.interruption

    def raise_if_cancelled(self) -> None:
        """Raises why the attempt must end, if it must."""
        self._door.raise_if_interrupted()

    def progress(self, percent: float, message: str = "") -> None:
        """Says how far the attempt is, from 0 to 100. Of many said quickly the latest is kept."""
        self._door.progress(float(percent), message)

    def log(self, message: str, level: LogLevel = "info") -> None:
        """Writes a log line to the feed. Lines over 1,000 that wait to be recorded are dropped, and a later
        line says so.
        """
        found = _LEVELS.get(level)
        if found is None:
            raise ValueError(f"{level!r} is none of {', '.join(_LEVELS)}")
        self._door.log(found, str(message))

    def heartbeat(self) -> None:
        """Says that the attempt is alive, for tasks with a heartbeat timeout.

        The worker beats by itself for async functions, from the event loop that runs them, and for whoever
        waits for a condition or child. A sync function says so itself: by this, by progress or by a log line.
        """
        self._door.heartbeat()

    def _published(
        self,
        type: str,
        payload: PlainValue,
        source: str,
        attributes: Mapping[str, str] | None,
    ) -> event_pb2.Published:
        published = event_pb2.Published(source=source or self.op, type=type, attributes=attributes or {})
        if payload is not None:
            published.payload.CopyFrom(to_json(payload, "the payload"))
        return checked_event(published)
