"""The nodes of a run, their attempts, and why they do not run."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from signalbox.model.condition import Condition
from signalbox.model.convert import stands_for
from signalbox.model.error import ActionError
from signalbox.model.op import RetryPolicy, Timeouts
from signalbox.model.resource import Placement, Resources
from signalbox.v1 import action_pb2, explanation_pb2

ActionState: TypeAlias = Literal[
    "UNSPECIFIED",
    "PENDING",
    "QUEUED",
    "ASSIGNED",
    "RUNNING",
    "PAUSED",
    "SUCCEEDED",
    "FAILED",
    "CANCELLED",
    "TIMED_OUT",
    "SKIPPED",
    "RECOVERED",
]
"""Where an action stands; the last six are ends. A newer server may know others."""

ActionKind: TypeAlias = Literal["UNSPECIFIED", "TASK", "CONDITION", "TRACE"]
"""What kind of action it is."""

ENDED_ACTION_STATES: frozenset[str] = frozenset(
    {"SUCCEEDED", "FAILED", "CANCELLED", "TIMED_OUT", "SKIPPED", "RECOVERED"}
)
"""The states after which nothing follows by itself."""


@stands_for(action_pb2.Dependency)
@dataclass(frozen=True, kw_only=True)
class Dependency:
    """One action that another one waits for."""

    action: str
    requirement: str = "SUCCEEDED"
    equals: Any = None
    """Only if it put out this value; None if any does."""


@stands_for(action_pb2.Action)
@dataclass(frozen=True, kw_only=True)
class Action:
    """One node of a run, as it stands."""

    namespace: str
    run_id: str
    name: str
    """Its whole name: the path from the top of the run."""
    parent: str
    """Its parent's whole name; empty at the top of the run."""
    kind: ActionKind
    state: ActionState
    op: str
    op_version: int
    attempt: int
    """The number of the current or last attempt; 0 before the first."""
    worker_id: str
    create_time: datetime.datetime | None = None
    queue_time: datetime.datetime | None = None
    start_time: datetime.datetime | None = None
    end_time: datetime.datetime | None = None
    retry_time: datetime.datetime | None = None
    """When its next attempt is due, while it waits for one."""
    outputs: Mapping[str, Any] = field(default_factory=dict)
    error: ActionError | None = None
    """Why it ended otherwise, or why its last attempt failed."""
    progress_percent: float = 0.0
    progress_message: str = ""
    cancel_requested: bool = False
    waiting_count: int = 0
    dependencies: Sequence[Dependency] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    inputs: Mapping[str, Any] = field(default_factory=dict)
    """As they were stated: values, and `OutputOf` for references."""
    condition: Condition | None = None
    """What a condition asks for and who answered."""
    resources: Resources | None = None
    placement: Placement | None = None
    image: str = ""
    handler: str = ""
    device_indexes: Sequence[int] = ()
    retry: RetryPolicy | None = None
    timeouts: Timeouts | None = None
    recovered_from: str = ""
    """The earlier run whose action it stands for, if it is RECOVERED."""

    @property
    def has_ended(self) -> bool:
        """True once it has reached an end."""
        return self.state in ENDED_ACTION_STATES


@stands_for(action_pb2.ExecutionSummary)
@dataclass(frozen=True, kw_only=True)
class ExecutionSummary:
    """What became of an attempt, in short."""

    duration: float | None = None
    """Seconds, from its start to its end or to now."""
    worker_id: str = ""
    error_message: str = ""
    device_indexes: Sequence[int] = ()


@stands_for(action_pb2.Attempt)
@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One try of a task."""

    attempt_id: str
    number: int
    """From 1."""
    state: ActionState
    worker_id: str
    assign_time: datetime.datetime | None = None
    start_time: datetime.datetime | None = None
    end_time: datetime.datetime | None = None
    outputs: Mapping[str, Any] = field(default_factory=dict)
    error: ActionError | None = None
    progress_percent: float = 0.0
    progress_message: str = ""
    inputs: Mapping[str, Any] = field(default_factory=dict)
    """What it started with, references resolved and defaults filled in."""
    resources: Resources | None = None
    epoch: int = 0
    summary: ExecutionSummary | None = None


@stands_for(action_pb2.TimelineEntry)
@dataclass(frozen=True, kw_only=True)
class TimelineEntry:
    """One entry of an attempt's own timeline."""

    index: int
    type: str
    """ASSIGNED, STARTED, INFO, PROGRESS, COMPLETED, FAILED, CANCELLED, ERROR, RETRIED or RETURNED."""
    state: ActionState
    """Where the attempt stands after it."""
    create_time: datetime.datetime | None = None
    text: str | None = None
    percent: float | None = None
    """How far it is, for PROGRESS."""
    payload: Mapping[str, Any] | None = None
    event_id: str = ""


@stands_for(explanation_pb2.ExplainActionResponse)
@dataclass(frozen=True, kw_only=True)
class Explanation:
    """Why an action does not run."""

    cause: str
    """Such as NO_WORKER, NO_CAPACITY, LIMIT_FULL or WAITS_FOR_SIGNAL."""
    message: str
    """The same in a sentence, with what to do."""
    waits_for: Sequence[str] = ()
    retry_time: datetime.datetime | None = None
    worker_count: int = 0
    queue_position: int = 0
    unmet: Sequence[str] = ()
    """The demands that no attached worker of its op meets."""
    limit: str = ""
    holders: Sequence[str] = ()
    """Who takes up the limit: actions as `<run>/<action>`."""
    next_start_time: datetime.datetime | None = None
    reserved: bool = False
    """True if a worker is kept free for it, because it has waited for long."""
