"""Conditions: waits for a typed signal."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from signalbox.model.condition_terms import AnswerRule, Choice, ConditionWebhook, EarlySignals, Escalation
from signalbox.model.convert import stands_for
from signalbox.v1 import condition_pb2, condition_service_pb2
from signalbox.values import ConditionType

ConditionOutcome: TypeAlias = Literal["UNSPECIFIED", "ANSWERED", "DEFAULTED", "EXPIRED", "WITHDRAWN"]
"""How a condition ended; UNSPECIFIED while it has not."""

AnswerChannel: TypeAlias = Literal["UNSPECIFIED", "CALL", "LINK", "DEFAULT"]
"""How an answer came."""


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
    schema: Mapping[str, Any] | None = None
    """What the answer must keep beside its type, as JSON Schema (2020-12) of its plain JSON form."""
    choices: Sequence[Choice] = ()
    link: str = ""
    """Where more about it is to be seen."""
    answer_rule: AnswerRule | None = None
    """None takes one answer of anybody."""
    assignee: str = ""
    escalations: Sequence[Escalation] = ()
    correlation_key: str = ""
    early_signals: EarlySignals = "UNSPECIFIED"
    group: str = ""
    webhook: ConditionWebhook | None = None
    """Without what is secret in it."""


@stands_for(condition_pb2.ConditionAnswer)
@dataclass(frozen=True, kw_only=True)
class ConditionAnswer:
    """An answer that was given: what, who, when and from where."""

    value: Any = None
    subject: str = ""
    """Who gave it, as the server knows them; `anonymous` where it asks for no tokens."""
    signalled_by: str = ""
    """In whose name, as they said themselves."""
    comment: str = ""
    channel: AnswerChannel = "UNSPECIFIED"
    origin: str = ""
    """The address that it came from."""
    create_time: datetime.datetime | None = None
    instance: int = 0
    """In which opening of the condition."""
    run_id: str = ""
    """The earlier run that it was given in; empty for this one."""


@stands_for(condition_pb2.Delegation)
@dataclass(frozen=True, kw_only=True)
class Delegation:
    """A right to answer that was handed on."""

    from_: str
    """Who handed it on, and may not answer any more."""
    to: str
    """Who may answer instead."""
    create_time: datetime.datetime | None = None


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
    instance: int = 0
    """Which opening this is, from 1; 0 before it asks."""
    answers: Sequence[ConditionAnswer] = ()
    """The answers given in this opening, in order."""
    earlier_answers: Sequence[ConditionAnswer] = ()
    """What decided earlier openings, or the run that its run does over."""
    assignee: str = ""
    """Whose turn it is."""
    snooze_end_time: datetime.datetime | None = None
    """Until when it is out of sight in the inbox."""
    delegations: Sequence[Delegation] = ()
    escalation_count: int = 0
    """How many of its escalations have been taken."""
    next_escalation_time: datetime.datetime | None = None
    requester: str = ""
    """Who created its run."""
    op: str = ""
    """The op of the task that asks; empty in a plan."""

    @property
    def is_open(self) -> bool:
        """True while it waits for its answer."""
        return self.pause_time is not None and self.end_time is None


@stands_for(condition_service_pb2.CreateAnswerLinkResponse)
@dataclass(frozen=True, kw_only=True)
class AnswerLink:
    """A link that answers a condition once, without other credentials."""

    uri: str = field(repr=False)
    """Its address. Who has it can answer: it is a secret."""
    expire_time: datetime.datetime | None = None
    """Until when; None if as long as the condition waits."""


@dataclass(frozen=True, kw_only=True)
class SignalResult:
    """What became of a signal that was taken."""

    condition: Condition | None
    """The condition as it stands; None while the signal is kept for one that does not wait yet."""
    kept: bool
    """True if the signal is kept for a condition that does not wait yet."""
    repeated: bool
    """True if the condition had this very answer already."""
