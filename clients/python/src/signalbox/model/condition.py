"""Conditions: waits for a typed signal."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from signalbox.model.convert import stands_for
from signalbox.v1 import condition_pb2
from signalbox.values import ConditionType

ConditionOutcome: TypeAlias = Literal["UNSPECIFIED", "ANSWERED", "DEFAULTED", "EXPIRED", "WITHDRAWN"]
"""How a condition ended; UNSPECIFIED while it has not."""


@stands_for(condition_pb2.ConditionSpec)
@dataclass(frozen=True, kw_only=True)
class ConditionSpec:
    """What a condition asks, and until when."""

    type: ConditionType
    prompt: str = ""
    description: str = ""
    timeout: float | None = None
    """Seconds; None for without end."""
    default_value: Any = None
    """The answer it takes when its time runs out; None if it has none."""


@stands_for(condition_pb2.Condition)
@dataclass(frozen=True, kw_only=True)
class Condition:
    """What a condition asks for, where it stands and who answered."""

    namespace: str
    run_id: str
    name: str
    """Its whole name in the run."""
    spec: ConditionSpec
    pause_time: datetime.datetime | None = None
    """When it began to wait."""
    deadline_time: datetime.datetime | None = None
    end_time: datetime.datetime | None = None
    outcome: ConditionOutcome = "UNSPECIFIED"
    answer: Any = None
    signalled_by: str = ""
    run_labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_open(self) -> bool:
        """True while it waits for its answer."""
        return self.pause_time is not None and self.end_time is None


@dataclass(frozen=True, kw_only=True)
class SignalResult:
    """What became of a signal that was taken."""

    condition: Condition | None
    """The condition as it stands; None while the signal is kept for one that does not wait yet."""
    kept: bool
    """True if the signal is kept for a condition that does not wait yet."""
    repeated: bool
    """True if the condition had this very answer already."""
