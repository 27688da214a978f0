"""Workers, as the server knows them."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from signalbox.model.convert import stands_for
from signalbox.model.resource import Capacity, Reserved, Taint
from signalbox.v1 import worker_service_pb2

WorkerState: TypeAlias = Literal["UNSPECIFIED", "ATTACHED", "DRAINING", "DETACHED"]
"""Where a worker stands."""


@stands_for(worker_service_pb2.AttemptReference)
@dataclass(frozen=True, kw_only=True)
class AttemptReference:
    """Names one attempt under one lease."""

    run_id: str
    action: str
    attempt: int
    epoch: int
    namespace: str = ""


@stands_for(worker_service_pb2.Worker)
@dataclass(frozen=True, kw_only=True)
class WorkerStatus:
    """A worker as the server knows it."""

    worker_id: str
    namespace: str
    state: WorkerState
    ops: Sequence[str] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    session_id: str = ""
    attach_time: datetime.datetime | None = None
    lease_time: datetime.datetime | None = None
    """When its leases end, unless it pulses."""
    running_count: int = 0
    """How many attempts it holds."""
    credit: int = 0
    """How many more it permits."""
    capacity: Capacity | None = None
    reserved: Reserved | None = None
    taints: Sequence[Taint] = ()
    shared_namespaces: Sequence[str] = ()
    running: Sequence[AttemptReference] = ()
    """The attempts that it holds; the first 100, and only in `workers.get`."""
