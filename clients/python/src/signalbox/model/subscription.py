"""Durable subscriptions to events."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from signalbox.model.convert import stands_for
from signalbox.v1 import event_service_pb2, subscription_pb2


@stands_for(event_service_pb2.EventFilter)
@dataclass(frozen=True, kw_only=True)
class EventFilter:
    """Which events are wanted. What is said must all hold."""

    namespace: str = ""
    """`-` means all; empty takes that of what the filter is for."""
    run_id: str = ""
    kinds: Sequence[str] = ()
    """Any of these kinds."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Only events of runs that had all of these labels then."""
    topics: Sequence[str] = ()
    """Only events with a delivery to one of these topics; `*` means any topic."""
    expression: str = ""
    """What else must be true of an event, in CEL, such as `event.attempt > 1`."""


@stands_for(subscription_pb2.Webhook)
@dataclass(frozen=True, kw_only=True)
class Webhook:
    """An address that events are posted to, one CloudEvent in JSON each."""

    url: str
    secret: str = ""
    """What signs the posts; empty lets the server choose one, which is shown once."""
    timeout: float | None = None
    """How long one post may take; 10 s unless said."""


@stands_for(subscription_pb2.NatsTarget)
@dataclass(frozen=True, kw_only=True)
class NatsTarget:
    """A subject of NATS JetStream."""

    subject: str = ""
    """`{topic}`, `{namespace}` and `{run_id}` are filled in; empty means `signalbox.{topic}`."""


@stands_for(subscription_pb2.SubscriptionStatus)
@dataclass(frozen=True, kw_only=True)
class SubscriptionStatus:
    """Where a subscription stands."""

    lag_events: int = 0
    """How far behind the head of the feed it is, in events of the whole feed."""
    oldest_time: datetime.datetime | None = None
    in_flight_count: int = 0
    acknowledged_count: int = 0
    failed_count: int = 0
    dead_letter_count: int = 0
    last_error: str = ""
    consumer_count: int = 0
    missed_count: int = 0
    """How many events were removed from the feed before it had dealt with them."""


@stands_for(subscription_pb2.Subscription)
@dataclass(frozen=True, kw_only=True)
class Subscription:
    """Events that somebody gets for certain. It has one target. Durations are in seconds."""

    name: str
    namespace: str = ""
    """Empty takes the client's."""
    filter: EventFilter = field(default_factory=EventFilter)
    pull: bool = False
    """The target: consumers fetch them, with `subscriptions.consume`. The one taken if none is said."""
    webhook: Webhook | None = None
    """The target: the server posts them to an address."""
    nats: NatsTarget | None = None
    """The target: the server publishes them to NATS JetStream."""
    ack_timeout: float | None = None
    """How long a consumer has to acknowledge; 30 s unless said."""
    deliveries_max: int = 0
    """How often a delivery is tried; 0 means 20 for webhooks, and for ever for the others."""
    in_flight_max: int = 0
    """How many may be delivered and not acknowledged at once; 0 means 1,000."""
    initial_backoff: float | None = None
    max_backoff: float | None = None
    create_time: datetime.datetime | None = None
    """Given by the server."""
    status: SubscriptionStatus | None = None
    """Given by the server."""


@stands_for(subscription_pb2.DeadLetter)
@dataclass(frozen=True, kw_only=True)
class DeadLetter:
    """An event that could not be delivered."""

    event_id: str
    delivery_count: int
    cause: str
    create_time: datetime.datetime | None = None
