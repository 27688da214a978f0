"""Runs."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from signalbox.model.convert import stands_for
from signalbox.model.error import ActionError
from signalbox.model.op import Delivery
from signalbox.v1 import run_pb2

RunState: TypeAlias = Literal[
    "UNSPECIFIED", "QUEUED", "RUNNING", "SUCCEEDED", "FAILED", "CANCELLED", "TIMED_OUT"
]
"""Where a run stands; the last four are ends."""

ENDED_RUN_STATES: frozenset[str] = frozenset({"SUCCEEDED", "FAILED", "CANCELLED", "TIMED_OUT"})
"""The states that only `runs.retry` leads out of."""


@stands_for(run_pb2.Run)
@dataclass(frozen=True, kw_only=True)
class Run:
    """One execution: a tree of actions, as it stands."""

    namespace: str
    run_id: str
    state: RunState
    labels: Mapping[str, str] = field(default_factory=dict)
    priority: int = 0
    create_time: datetime.datetime | None = None
    start_time: datetime.datetime | None = None
    end_time: datetime.datetime | None = None
    paused_condition_count: int = 0
    """How many of its conditions wait for a signal."""
    action_count: int = 0
    ended_action_count: int = 0
    error: ActionError | None = None
    """Why it did not succeed: the first error of an action at its top."""
    outputs: Mapping[str, Any] = field(default_factory=dict)
    """What its only task put out; empty for a plan, whose actions have theirs."""
    cancel_requested: bool = False
    retry_count: int = 0
    deadline_time: datetime.datetime | None = None
    op: str = ""
    """The op of its only task; empty for a plan."""
    op_version: int = 0
    image: str = ""
    delivery: Delivery | None = None
    update_time: datetime.datetime | None = None

    @property
    def has_ended(self) -> bool:
        """True once it has reached an end."""
        return self.state in ENDED_RUN_STATES
