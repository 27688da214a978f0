"""Events: the immutable facts of the feed."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from signalbox.model.convert import read, read_plain, stands_for
from signalbox.model.op import Delivery
from signalbox.v1 import event_pb2, event_service_pb2
from signalbox.values import PlainValue

EventKind: TypeAlias = Literal[
    "RUN_CREATED",
    "RUN_UPDATED",
    "RUN_STARTED",
    "RUN_CANCEL_REQUESTED",
    "RUN_RETRIED",
    "RUN_ENDED",
    "ACTION_CREATED",
    "ACTION_QUEUED",
    "ACTION_ASSIGNED",
    "ACTION_STARTED",
    "ACTION_PROGRESSED",
    "ACTION_LOGGED",
    "ATTEMPT_FAILED",
    "ACTION_RETURNED",
    "ACTION_CANCEL_REQUESTED",
    "ACTION_ENDED",
    "ACTION_REOPENED",
    "CONDITION_PAUSED",
    "CONDITION_ANSWERED",
    "SIGNAL_KEPT",
    "SIGNAL_DROPPED",
    "ANSWER_GIVEN",
    "CONDITION_CHANGED",
    "CONDITION_ESCALATED",
    "WEBHOOK_POSTED",
    "LINK_REFUSED",
    "WORKER_ATTACHED",
    "WORKER_DRAINING",
    "WORKER_LEFT",
    "OP_REGISTERED",
    "OP_DELETED",
    "LIMIT_SET",
    "LIMIT_DELETED",
    "SUBSCRIPTION_CREATED",
    "SUBSCRIPTION_DELETED",
    "EVENT_DEAD_LETTERED",
    "PUBLISHED",
]
"""The kinds of events, for filters."""


@dataclass(frozen=True, kw_only=True)
class Event:
    """An immutable fact in the feed."""

    event_id: str
    """Unique in the server's whole feed, and the same however often it is read; ids sort in feed order."""
    kind: str
    """An `EventKind`; `UNKNOWN` for one that is newer than this package: skip it."""
    detail: Mapping[str, Any]
    """What happened: the fields of the contract's message for the kind, as plain values. What can be absent,
    and is, is None.
    """
    create_time: datetime.datetime | None
    """For people: the order is that of the feed."""
    namespace: str
    run_id: str
    """Empty for events of workers, ops and services."""
    action: str
    """Empty for events of a whole run."""
    attempt: int
    """0 for none."""
    run_labels: Mapping[str, str] = field(default_factory=dict)
    delivery: Delivery | None = None


@dataclass(frozen=True, kw_only=True)
class NewEvent:
    """An event of a service's own, to be published."""

    source: str
    """Who publishes, as a name of its own choosing."""
    type: str
    """What kind of thing it is, as a name of its own choosing."""
    payload: PlainValue = None
    """What it says, as JSON has it; None for nothing."""
    attributes: Mapping[str, str] = field(default_factory=dict)
    run_id: str = ""
    action: str = ""
    """Only with a run."""


@stands_for(event_service_pb2.DescribeFeedResponse)
@dataclass(frozen=True, kw_only=True)
class FeedDescription:
    """What the feed is, as it stands."""

    feed_epoch: str
    """Names this feed. Another name means other events: the store was made anew, or put back."""
    head_position: int
    """The position of the last event, 0 for none."""
    oldest_position: int
    """Everything behind this position is kept."""
    retention_seconds: int
    """How long events are kept; 0 means for ever."""
    epoch_time: datetime.datetime | None = None
    """When this epoch began."""


def read_event(message: event_pb2.Event) -> Event:
    """Turns a message into an event."""
    kind = message.WhichOneof("detail")
    return Event(
        event_id=message.event_id,
        kind="UNKNOWN" if kind is None else kind.upper(),
        detail={} if kind is None else read_plain(getattr(message, kind)),
        create_time=message.create_time.ToDatetime(tzinfo=datetime.timezone.utc),
        namespace=message.namespace,
        run_id=message.run_id,
        action=message.action,
        attempt=message.attempt,
        run_labels=dict(message.run_labels),
        delivery=read(Delivery, message.delivery) if message.HasField("delivery") else None,
    )
