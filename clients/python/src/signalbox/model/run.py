"""Runs."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from signalbox.model.convert import stands_for
from signalbox.model.error import ActionError
from signalbox.model.op import Delivery
from signalbox.v1 import replay_pb2, run_pb2

RunState: TypeAlias = Literal[
    "UNSPECIFIED", "QUEUED", "RUNNING", "SUCCEEDED", "FAILED", "CANCELLED", "TIMED_OUT"
]
"""Where a run stands; the last four are ends."""

ConditionReplay: TypeAlias = Literal["REUSE", "ASK_AGAIN", "REQUIRE_BOTH"]
"""What becomes of the answer that a condition had when its run is done again: it counts, is asked for again,
or is asked for again and must be the same.
"""

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
    created_by: str = ""
    """Who created it, as the server knows them."""
    rerun_of: str = ""
    """The run that it does over; empty for none."""

    @property
    def has_ended(self) -> bool:
        """True once it has reached an end."""
        return self.state in ENDED_RUN_STATES


@stands_for(replay_pb2.RerunRunResponse)
@dataclass(frozen=True, kw_only=True)
class Rerun:
    """A run that does an earlier one over."""

    run: Run
    recovered_count: int
    """How many of its actions succeeded in the earlier one, and are not executed again."""
