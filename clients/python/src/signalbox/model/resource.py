"""What tasks ask of their workers, and what workers have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from signalbox.model.convert import stands_for
from signalbox.v1 import resource_pb2


@stands_for(resource_pb2.Resources)
@dataclass(frozen=True, kw_only=True)
class Resources:
    """What a task asks of its worker, reserved from its assignment to its end; None is not asked for."""

    cpu: float | None = None
    """Processor cores; a thousandth is the smallest step."""
    ram_mb: int | None = None
    """Memory."""
    vram_mb: int | None = None
    """Memory of a device, whole on each one that it is given."""
    device_count: int | None = None
    """How many devices; without `vram_mb` each of them whole."""
    device_index: int | None = None
    """The one device it must have."""


@stands_for(resource_pb2.Toleration)
@dataclass(frozen=True)
class Toleration:
    """That a task may go to a worker in spite of a taint."""

    key: str
    value: str = ""
    """Empty bears every value of the key."""


@stands_for(resource_pb2.Placement)
@dataclass(frozen=True, kw_only=True)
class Placement:
    """Which workers a task may go to."""

    worker_labels: Mapping[str, str] = field(default_factory=dict)
    """Only workers with all of these labels."""
    tolerations: Sequence[Toleration] = ()
    """The taints it bears."""


@stands_for(resource_pb2.Taint)
@dataclass(frozen=True)
class Taint:
    """What keeps tasks from a worker that do not say that they bear it."""

    key: str
    value: str = ""


@stands_for(resource_pb2.Device)
@dataclass(frozen=True, kw_only=True)
class Device:
    """A device of a worker, such as a GPU."""

    index: int
    """Its index on the worker, from 0."""
    vram_mb: int = 0
    kind: str = ""
    """What it is, for people, such as the model."""


@stands_for(resource_pb2.Capacity)
@dataclass(frozen=True, kw_only=True)
class Capacity:
    """What a worker has to give; None is nothing of it."""

    cpu: float | None = None
    ram_mb: int | None = None
    devices: Sequence[Device] = ()


@stands_for(resource_pb2.ReservedDevice)
@dataclass(frozen=True, kw_only=True)
class ReservedDevice:
    """What is reserved of one device."""

    index: int
    vram_mb: int = 0
    action_count: int = 0
    """How many tasks share it."""
    whole: bool = False
    """True if one task has it whole."""


@stands_for(resource_pb2.Reserved)
@dataclass(frozen=True, kw_only=True)
class Reserved:
    """What is reserved of a worker for the tasks that it holds."""

    cpu: float = 0.0
    ram_mb: int = 0
    devices: Sequence[ReservedDevice] = ()
