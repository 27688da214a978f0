"""What a condition may ask for beyond its type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, TypedDict

from signalbox.model.convert import enum_number, stands_for, write
from signalbox.v1 import condition_pb2
from signalbox.values import PlainValue, to_struct, to_value_of_type

EarlySignals: TypeAlias = Literal["UNSPECIFIED", "KEEP", "DROP"]
"""What becomes of signals that come before a condition is open: KEEP unless said."""


@stands_for(condition_pb2.Choice)
@dataclass(frozen=True, kw_only=True)
class Choice:
    """An answer to suggest."""

    value: Any = None
    label: str = ""
    """What a button says; empty means the value itself."""
    description: str = ""


@stands_for(condition_pb2.AnswerRule)
@dataclass(frozen=True, kw_only=True)
class AnswerRule:
    """How many answers a condition takes, and who may give them."""

    required_count: int = 0
    """How many equal answers decide; 0 means 1."""
    voter_count: int = 0
    """How many may answer at most, each once; 0 means 100."""
    veto: Any = None
    """An answer equal to this one decides at once; None for none."""
    subjects: Sequence[str] = ()
    """Who may answer, as subjects of tokens; anybody if neither subjects nor groups are said."""
    groups: Sequence[str] = ()
    """Groups whose members may answer."""
    excludes_requester: bool = False
    """Who created the run may not answer."""


@stands_for(condition_pb2.Escalation)
@dataclass(frozen=True, kw_only=True)
class Escalation:
    """A step that is taken while nobody answers."""

    after: float
    """Seconds since it began to wait."""
    notify: Sequence[str] = ()
    """Who is to be told: names for whoever follows `CONDITION_ESCALATED` or gets the webhook."""
    subjects: Sequence[str] = ()
    """Subjects that may answer from then on too."""
    groups: Sequence[str] = ()
    """Groups whose members may answer from then on too."""
    assignee: str = ""
    """Whose turn it is from then on; empty leaves it."""


@stands_for(condition_pb2.ConditionWebhook)
@dataclass(frozen=True, kw_only=True)
class ConditionWebhook:
    """An address that is told when a condition waits, escalates and ends."""

    url: str
    payload: Mapping[str, Any] | None = None
    """What the post says. `{callback_uri}` in its texts becomes a link that answers the condition once;
    `{prompt}`, `{run_id}`, `{name}` and `{namespace}` become what they name. The condition unless said.
    """
    secret: str = field(default="", repr=False)
    """What posts are signed with, as `whsec_` and base64. It is never shown again."""
    link_lifetime: float | None = None
    """How many seconds the link may be used; as long as the condition waits unless said."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Further headers of the post. They are never shown again either."""


class ConditionTerms(TypedDict, total=False):
    """What a condition may ask for beyond its type: arguments of `plan.condition` and of a task's own."""

    schema: Mapping[str, Any]
    """What the answer must keep beside its type, as JSON Schema (2020-12) of its plain JSON form."""
    choices: Sequence[Choice]
    """Answers to suggest, in order; others are taken as well."""
    link: str
    """Where more about it is to be seen: an address with http or https."""
    answer_rule: AnswerRule
    """How many answers it takes and who may give them; one of anybody unless said."""
    assignee: str
    """Whose turn it is, as a subject: for finding it in the inbox."""
    escalations: Sequence[Escalation]
    """What is done while nobody answers."""
    correlation_key: str
    """A name under which a signal finds it without knowing its run."""
    early_signals: EarlySignals
    """`DROP`: signals that came before it was open do not count."""
    group: str
    """Of siblings with the same group the first that takes an answer ends the others as WITHDRAWN."""
    webhook: ConditionWebhook
    """Who is told by a post."""


def write_terms(spec: condition_pb2.ConditionSpec, terms: ConditionTerms, kind: str, place: str) -> None:
    """Says the terms of a condition that asks for this type. Raises TypeError for an answer of another one,
    and for a term that there is not.
    """
    unknown = set(terms) - set(ConditionTerms.__annotations__)
    if unknown:
        raise TypeError(f"{place} takes no {', '.join(sorted(unknown))}")
    for name in ("link", "assignee", "correlation_key", "group"):
        setattr(spec, name, terms.get(name, ""))
    if "schema" in terms:
        spec.schema.CopyFrom(to_struct(terms["schema"], f"{place}: the schema"))
    if "early_signals" in terms:
        spec.early_signals = enum_number(condition_pb2.EarlySignals, terms["early_signals"])
    spec.choices.extend(_write_choice(choice, kind, place) for choice in terms.get("choices", ()))
    spec.escalations.extend(write(step) for step in terms.get("escalations", ()))
    if "answer_rule" in terms:
        spec.answer_rule.CopyFrom(_write_rule(terms["answer_rule"], kind, place))
    if "webhook" in terms:
        spec.webhook.CopyFrom(write(terms["webhook"]))


def _write_choice(choice: Choice | PlainValue, kind: str, place: str) -> condition_pb2.Choice:
    if not isinstance(choice, Choice):
        raise TypeError(f"{place}: a choice is a signalbox.Choice, and not {choice!r}")
    value = to_value_of_type(choice.value, kind, f"{place}: a choice")
    return condition_pb2.Choice(value=value, label=choice.label, description=choice.description)


def _write_rule(rule: AnswerRule, kind: str, place: str) -> condition_pb2.AnswerRule:
    message: condition_pb2.AnswerRule = write(rule)
    if rule.veto is not None:
        message.veto.CopyFrom(to_value_of_type(rule.veto, kind, f"{place}: the veto"))
    return message
