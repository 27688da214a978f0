"""Limits on how many tasks run at once, and on how often they start."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

from signalbox.model.convert import stands_for
from signalbox.v1 import limit_pb2


@stands_for(limit_pb2.LabelScope)
@dataclass(frozen=True)
class LabelScope:
    """Tasks with a label, their own or their run's."""

    name: str
    value: str | None = None
    """None makes a limit of its own for each value."""


@stands_for(limit_pb2.Rate)
@dataclass(frozen=True)
class Rate:
    """So many starts in a period, evenly refilled."""

    count: int
    period: float
    """Seconds."""


@stands_for(limit_pb2.Limit)
@dataclass(frozen=True, kw_only=True)
class Limit:
    """How many tasks of a scope may run at once, and how often one may start. It has one scope."""

    name: str
    namespace: str = ""
    """Empty takes the client's."""
    op: str | None = None
    """The scope: tasks of one op."""
    label: LabelScope | None = None
    """The scope: tasks with a label."""
    whole_namespace: bool = False
    """The scope: all tasks of the namespace."""
    concurrent_max: int = 0
    """How many may be assigned or running at once; 0 means any number."""
    rate: Rate | None = None
    share_weight: int = 0
    """For the whole namespace: its weight among those that share a worker; 0 means 1."""
    update_time: datetime.datetime | None = None
    """Given by the server."""


@stands_for(limit_pb2.LimitUse)
@dataclass(frozen=True, kw_only=True)
class LimitUse:
    """How much of a limit is in use."""

    value: str = ""
    """The label's value, for limits that have one for each value."""
    running_count: int = 0
    next_start_time: datetime.datetime | None = None


@dataclass(frozen=True, kw_only=True)
class LimitInUse:
    """A limit, and how much of it is in use."""

    limit: Limit
    uses: Sequence[LimitUse]
    """One, or one for each value of its label; the first 100."""
