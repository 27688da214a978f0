"""What a condition may ask for beyond its type, as messages."""

from __future__ import annotations

from typing import Any

import pytest

from signalbox import (
    AnswerRule,
    Choice,
    Condition,
    ConditionAnswer,
    ConditionSpec,
    ConditionTerms,
    ConditionWebhook,
    Delegation,
    Escalation,
    plan,
)
from signalbox.model.convert import read, read_plain, write
from signalbox.v1 import condition_pb2, event_pb2
from signalbox.worker.bounds import checked_action

TERMS: ConditionTerms = {
    "schema": {"minimum": 0},
    "choices": [Choice(value=1, label="one", description="the first"), Choice(value=2.5)],
    "link": "https://example.com/build/17",
    "answer_rule": AnswerRule(
        required_count=2, voter_count=3, veto=0, subjects=["ann"], groups=["admins"], excludes_requester=True
    ),
    "assignee": "ann",
    "escalations": [
        Escalation(after=3600.0, notify=["ops"], subjects=["ben"], groups=["ops"], assignee="ben")
    ],
    "correlation_key": "build-17",
    "early_signals": "DROP",
    "group": "decision",
    "webhook": ConditionWebhook(url="https://hooks.example.com", payload={"a": [1]}, link_lifetime=60.0),
}


def test_what_a_condition_asks_for_comes_back_as_it_was() -> None:
    made = plan.condition("share", float, prompt="How much?", timeout=5.0, default=1, **TERMS)
    spec = read(ConditionSpec, condition_pb2.ConditionSpec.FromString(made.condition.SerializeToString()))
    assert spec == ConditionSpec(type="float", prompt="How much?", timeout=5.0, default_value=1.0, **TERMS)
    assert checked_action(made) is made


def test_answers_that_are_named_have_the_type_of_the_condition() -> None:
    made = plan.condition("share", float, **TERMS).condition
    assert [choice.value.WhichOneof("kind") for choice in made.choices] == ["float_value", "float_value"]
    assert made.answer_rule.veto.float_value == 0.0
    nothing = plan.condition("form", "json", choices=[Choice(value=None)]).condition
    assert nothing.choices[0].value.WhichOneof("kind") == "json_value"
    assert not plan.condition("a", bool, answer_rule=AnswerRule()).condition.answer_rule.HasField("veto")
    assert plan.condition("a", bool, answer_rule=AnswerRule(veto=False)).condition.answer_rule.HasField(
        "veto"
    )


@pytest.mark.parametrize(
    ("terms", "told"),
    [
        ({"choices": [Choice(value="yes")]}, "a choice is to be a bool"),
        ({"choices": [True]}, "a choice is a signalbox.Choice"),
        ({"answer_rule": AnswerRule(veto=1)}, "the veto is to be a bool"),
        ({"deadline": 5}, "the condition a takes no deadline"),
    ],
)
def test_a_term_that_cannot_be_is_a_type_error(terms: Any, told: str) -> None:
    with pytest.raises(TypeError, match=told):
        plan.condition("a", bool, **terms)


@pytest.mark.parametrize(
    ("terms", "told"),
    [
        ({"link": "ftp://example.com"}, "the link is 'ftp://example.com'"),
        ({"group": "a b"}, "'a b' is no name of a group"),
        ({"assignee": "a" * 257}, "the assignee has 257 characters"),
        ({"choices": [Choice(value=True)] * 101}, "the choices are 101, and at most 100"),
        ({"answer_rule": AnswerRule(required_count=101)}, "0 to 100 answers"),
        ({"answer_rule": AnswerRule(subjects=["a", "a"])}, "one of the subjects is there twice"),
        ({"answer_rule": AnswerRule(groups=[""])}, "the groups have 1 to 256 characters each"),
        ({"escalations": [Escalation(after=0.0)]}, "the time of an escalation is 0 s"),
        ({"escalations": [Escalation(after=1.0)] * 21}, "the escalations are 21"),
        ({"webhook": ConditionWebhook(url="hooks")}, "the address of the webhook is 'hooks'"),
        ({"webhook": ConditionWebhook(url="http://a", headers={"a b": "c"})}, "cannot send the header 'a b'"),
        ({"webhook": ConditionWebhook(url="http://a", link_lifetime=-1.0)}, "the lifetime of a link is -1 s"),
    ],
)
def test_a_child_that_breaks_a_bound_is_refused_where_it_is_stated(terms: Any, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        checked_action(plan.condition("a", bool, **terms))


def test_what_is_secret_is_not_shown() -> None:
    webhook = ConditionWebhook(url="http://a", secret="whsec_YQ==", headers={"authorization": "b"})
    assert "whsec" not in repr(webhook)
    assert "authorization" not in repr(webhook)


def test_a_field_whose_name_python_keeps_for_itself_has_one_all_the_same() -> None:
    handed_on = Delegation(from_="ann", to="ben")
    message: condition_pb2.Delegation = write(handed_on)
    assert getattr(message, "from") == "ann"
    condition = condition_pb2.Condition(delegations=[message])
    condition.spec.SetInParent()
    assert read(Condition, condition).delegations == [handed_on]


def test_events_have_answers_as_conditions_have_them() -> None:
    answer = ConditionAnswer(value=True, subject="ann", channel="LINK", instance=2)
    given = event_pb2.AnswerGiven(answer=write(answer), answer_count=1, required_count=2)
    assert read_plain(given) == {"answer": answer, "answer_count": 1, "required_count": 2}
