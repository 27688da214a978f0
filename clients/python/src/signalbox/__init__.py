"""Signalbox: durable runs, conditions, signals and events. This is its client and its worker for Python.

`Client` and `SyncClient` speak to a server, `Worker` executes tasks for one, and `plan` says what runs are
made of. The generated messages and stubs are in `signalbox.v1`.
"""

from signalbox import plan
from signalbox.client.client import Client
from signalbox.client.conditions import ConditionFrame
from signalbox.client.consumer import Consumer
from signalbox.client.consumer import Delivery as EventDelivery
from signalbox.client.events import EventFrame
from signalbox.client.options import RetryTimes, Tls
from signalbox.client.pages import Page, Pages
from signalbox.client.runs import RunFrame
from signalbox.errors import (
    CallFailedError,
    InvalidRequestError,
    NotFoundError,
    RefusedError,
    SignalboxError,
    UnavailableError,
    Violation,
)
from signalbox.model.action import Action, Attempt, Explanation, TimelineEntry
from signalbox.model.condition import (
    AnswerLink,
    Condition,
    ConditionAnswer,
    ConditionSpec,
    Delegation,
    SignalResult,
)
from signalbox.model.condition_terms import (
    AnswerRule,
    Choice,
    ConditionTerms,
    ConditionWebhook,
    Escalation,
)
from signalbox.model.error import ActionError
from signalbox.model.event import Event, FeedDescription, NewEvent
from signalbox.model.limit import LabelScope, Limit, LimitInUse, LimitUse, Rate
from signalbox.model.op import Delivery, InputSpec, Op, OutputSpec, RetryPolicy, Timeouts
from signalbox.model.output_of import OutputOf
from signalbox.model.resource import Capacity, Device, Placement, Resources, Taint, Toleration
from signalbox.model.run import Rerun, Run
from signalbox.model.subscription import (
    DeadLetter,
    EventFilter,
    NatsTarget,
    Subscription,
    SubscriptionStatus,
    Webhook,
)
from signalbox.model.worker import WorkerStatus
from signalbox.sync.client import SyncClient
from signalbox.sync.consumer import SyncConsumer, SyncDelivery
from signalbox.sync.facade import SyncPages
from signalbox.values import Reference
from signalbox.worker.context import StartedTask, TaskContext
from signalbox.worker.errors import (
    AttemptCancelled,
    AttemptEnded,
    AttemptLost,
    ChildFailed,
    ConditionEnded,
    InputInvalid,
    NonRetryableError,
    OutputInvalid,
    OutputTooLarge,
    Refused,
    WorkerError,
    WorkerRefused,
    WorkerStopped,
    WorkerSuperseded,
)
from signalbox.worker.sync_context import SyncStartedTask, SyncTaskContext
from signalbox.worker.worker import Worker

__all__ = [
    "Action",
    "ActionError",
    "AnswerLink",
    "AnswerRule",
    "Attempt",
    "AttemptCancelled",
    "AttemptEnded",
    "AttemptLost",
    "CallFailedError",
    "Capacity",
    "ChildFailed",
    "Choice",
    "Client",
    "Condition",
    "ConditionAnswer",
    "ConditionEnded",
    "ConditionFrame",
    "ConditionSpec",
    "ConditionTerms",
    "ConditionWebhook",
    "Consumer",
    "DeadLetter",
    "Delegation",
    "Delivery",
    "Device",
    "Escalation",
    "Event",
    "EventDelivery",
    "EventFilter",
    "EventFrame",
    "Explanation",
    "FeedDescription",
    "InputInvalid",
    "InputSpec",
    "InvalidRequestError",
    "LabelScope",
    "Limit",
    "LimitInUse",
    "LimitUse",
    "NatsTarget",
    "NewEvent",
    "NonRetryableError",
    "NotFoundError",
    "Op",
    "OutputInvalid",
    "OutputOf",
    "OutputSpec",
    "OutputTooLarge",
    "Page",
    "Pages",
    "Placement",
    "Rate",
    "Reference",
    "Refused",
    "RefusedError",
    "Rerun",
    "Resources",
    "RetryPolicy",
    "RetryTimes",
    "Run",
    "RunFrame",
    "SignalResult",
    "SignalboxError",
    "StartedTask",
    "Subscription",
    "SubscriptionStatus",
    "SyncClient",
    "SyncConsumer",
    "SyncDelivery",
    "SyncPages",
    "SyncStartedTask",
    "SyncTaskContext",
    "Taint",
    "TaskContext",
    "TimelineEntry",
    "Timeouts",
    "Tls",
    "Toleration",
    "UnavailableError",
    "Violation",
    "Webhook",
    "Worker",
    "WorkerError",
    "WorkerRefused",
    "WorkerStatus",
    "WorkerStopped",
    "WorkerSuperseded",
    "plan",
]
