"""Registered operations, and what a task may say in their place."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from signalbox.model.convert import stands_for
from signalbox.model.resource import Placement, Resources
from signalbox.v1 import delivery_pb2, op_pb2

SpecType: TypeAlias = Literal["string", "int", "float", "bool", "object", "array", "any"]
"""The type of an input or output. A whole number is a float too; true and false are not."""


@stands_for(op_pb2.InputSpec)
@dataclass(frozen=True, kw_only=True)
class InputSpec:
    """What one input must be."""

    type: SpecType
    required: bool | None = None
    """Whether it must be given; None means that it must. A null does not meet it."""
    default_value: Any = None
    """What it is when it is not given; None for no default."""
    description: str = ""
    schema: Mapping[str, Any] | None = None
    """More about it, as JSON Schema (2020-12) of its plain JSON form."""


@stands_for(op_pb2.OutputSpec)
@dataclass(frozen=True, kw_only=True)
class OutputSpec:
    """What one output must be."""

    type: SpecType
    description: str = ""
    schema: Mapping[str, Any] | None = None


@stands_for(op_pb2.RetryPolicy)
@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """What happens after an attempt has failed. Durations are in seconds."""

    max_attempts: int = 0
    """How many attempts there may be in all; 0 takes the op's, else 1."""
    initial_backoff: float | None = None
    """The first wait; 1 s unless said, and 0 means at once."""
    multiplier: float = 0.0
    """What the wait grows by each time; 0 means 2."""
    max_backoff: float | None = None
    """The longest wait; 5 minutes unless said."""
    jitter: float = 0.0
    """The share of the wait that chance moves it by, 0 to 1."""
    non_retryable_error_types: Sequence[str] = ()
    """Error types after which no further attempt is made."""
    manual: bool = False
    """No further attempt by itself: `runs.retry` may use those that are left."""


@stands_for(op_pb2.Timeouts)
@dataclass(frozen=True, kw_only=True)
class Timeouts:
    """How long the parts of a task's life may take, in seconds; None for no limit."""

    queue_to_start: float | None = None
    start_to_end: float | None = None
    heartbeat: float | None = None
    """The longest silence of a running attempt."""


@stands_for(delivery_pb2.Delivery)
@dataclass(frozen=True)
class Delivery:
    """Where the events of a run go beside the feed."""

    topic: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    """Attached to each event."""


@stands_for(op_pb2.Op)
@dataclass(frozen=True, kw_only=True)
class Op:
    """A registered, versioned operation, with the defaults that its tasks take over."""

    name: str
    namespace: str = ""
    """Empty takes the client's."""
    version: int = 0
    """Given by the server: grows by one with each registration that changes the content."""
    version_name: str = ""
    """A version of the caller's own, such as `1.2.0`."""
    description: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    inputs: Mapping[str, InputSpec] = field(default_factory=dict)
    """What it takes, by name. Without any, inputs are not checked."""
    allow_extra_inputs: bool = False
    outputs: Mapping[str, OutputSpec] = field(default_factory=dict)
    """What it puts out, by name."""
    retry: RetryPolicy | None = None
    timeouts: Timeouts | None = None
    resources: Resources | None = None
    placement: Placement | None = None
    delivery: Delivery | None = None
    image: str = ""
    """The container image that executes it."""
    handler: str = ""
    """What executes it, as its workers understand it."""
    create_time: datetime.datetime | None = None
    """Given by the server."""
    update_time: datetime.datetime | None = None
    """Given by the server."""
