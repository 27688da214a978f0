"""The inbox: who is on what, until when, and who may answer, over a server that asks who calls."""

from __future__ import annotations

import datetime
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack

import pytest
from conftest import DEADLINE
from server import Server, new_token

from signalbox import AnswerRule, Client, Escalation, RefusedError, plan

PEOPLE = {"ann": "reviewers", "ben": "reviewers", "cleo": "others"}


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, dict[str, str]]]:
    """A server that knows three people, and their tokens."""
    file = tmp_path_factory.mktemp("tokens") / "tokens.json"
    tokens = {subject: new_token(file, subject, group) for subject, group in PEOPLE.items()}
    started = Server("--tokens-file", str(file))
    yield started, tokens
    started.close()


@pytest.fixture
async def people(guarded: tuple[Server, dict[str, str]]) -> AsyncIterator[tuple[Client, Client, Client]]:
    """A client of each of them."""
    server, tokens = guarded
    async with AsyncExitStack() as open_clients:
        ann, ben, cleo = [
            await open_clients.enter_async_context(Client(server.address, token=tokens[subject]))
            for subject in PEOPLE
        ]
        yield ann, ben, cleo


def later(hours: float) -> datetime.datetime:
    """So many hours from now, as exact as the contract keeps it."""
    then = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=hours)
    return then.replace(microsecond=0)


async def test_two_subjects_of_those_that_may_decide_together(people: tuple[Client, Client, Client]) -> None:
    ann, ben, cleo = people
    rule = AnswerRule(required_count=2, groups=["reviewers"])
    run = await cleo.runs.create(plan=[plan.condition("approve", bool, answer_rule=rule)])
    assert run.created_by == "cleo"
    with pytest.raises(RefusedError) as caught:
        await cleo.conditions.signal(run.run_id, "approve", True)
    assert (caught.value.reason, caught.value.facts["subject"]) == ("NOT_ALLOWED", "cleo")
    one = await ann.conditions.signal(run.run_id, "approve", True, comment="read it")
    assert one.condition is not None
    assert (one.condition.is_open, len(one.condition.answers)) == (True, 1)
    assert (await ann.conditions.signal(run.run_id, "approve", True)).repeated
    with pytest.raises(RefusedError) as caught:
        await ann.conditions.signal(run.run_id, "approve", False)
    assert caught.value.reason == "ALREADY_ANSWERED"
    assert await ann.conditions.list(run_id=run.run_id, answerable=True).all() == []
    assert len(await ben.conditions.list(run_id=run.run_id, answerable=True).all()) == 1
    two = await ben.conditions.signal(run.run_id, "approve", True)
    assert two.condition is not None
    assert [(answer.subject, answer.comment) for answer in two.condition.answers] == [
        ("ann", "read it"),
        ("ben", ""),
    ]
    assert (await cleo.runs.wait(run.run_id, timeout=DEADLINE)).state == "SUCCEEDED"
    (given,) = await cleo.events.list(run_id=run.run_id, kinds=["ANSWER_GIVEN"]).all()
    assert given.detail["answer"].subject == "ann"
    assert (given.detail["answer_count"], given.detail["required_count"]) == (1, 2)


async def test_a_veto_and_the_requester(people: tuple[Client, Client, Client]) -> None:
    ann, ben, _ = people
    rule = AnswerRule(required_count=3, veto=False, excludes_requester=True)
    run = await ann.runs.create(plan=[plan.condition("approve", bool, answer_rule=rule)])
    with pytest.raises(RefusedError) as caught:
        await ann.conditions.signal(run.run_id, "approve", True)
    assert caught.value.reason == "NOT_ALLOWED"
    decided = await ben.conditions.signal(run.run_id, "approve", False)
    assert decided.condition is not None
    assert (decided.condition.answer, decided.condition.requester) == (False, "ann")


async def test_a_claim_is_kept_until_it_is_released_or_taken_over(
    people: tuple[Client, Client, Client],
) -> None:
    ann, ben, _ = people
    run = await ann.runs.create(plan=[plan.condition("a", bool, assignee="cleo")])
    assert (await ann.conditions.get(run.run_id, "a")).assignee == "cleo"
    assert (await ann.conditions.claim(run.run_id, "a", force=True)).assignee == "ann"
    with pytest.raises(RefusedError) as caught:
        await ben.conditions.claim(run.run_id, "a")
    assert (caught.value.reason, caught.value.facts["assignee"]) == ("ALREADY_CLAIMED", "ann")
    listed = await ben.conditions.list(run_id=run.run_id, assignee="ann").all()
    assert [condition.name for condition in listed] == ["a"]
    assert (await ann.conditions.release(run.run_id, "a")).assignee == ""
    assert (await ben.conditions.claim(run.run_id, "a")).assignee == "ben"
    changed = await ann.events.list(run_id=run.run_id, kinds=["CONDITION_CHANGED"]).all()
    assert [(event.detail["kind"], event.detail["subject"]) for event in changed] == [
        ("CLAIMED", "ann"),
        ("RELEASED", "ann"),
        ("CLAIMED", "ben"),
    ]
    await ann.runs.cancel(run.run_id)


async def test_a_watch_by_assignee_tells_what_is_gone_to_somebody_else(
    people: tuple[Client, Client, Client],
) -> None:
    ann, ben, _ = people
    run = await ann.runs.create(plan=[plan.condition("a", bool, assignee="ann")])
    told: list[tuple[str, str]] = []
    async for frame in ann.conditions.watch(run_id=run.run_id, assignee="ann"):
        told += [("wanted", condition.assignee) for condition in frame.conditions]
        told += [("gone", condition.assignee) for condition in frame.gone]
        if frame.snapshot and frame.at_head:
            await ben.conditions.claim(run.run_id, "a", force=True)
        if frame.gone:
            break
    assert told == [("wanted", "ann"), ("gone", "ben")]
    await ann.runs.cancel(run.run_id)


async def test_a_right_to_answer_is_handed_on(people: tuple[Client, Client, Client]) -> None:
    ann, _, cleo = people
    rule = AnswerRule(subjects=["ann"])
    run = await ann.runs.create(plan=[plan.condition("a", bool, answer_rule=rule)])
    handed = await ann.conditions.delegate(run.run_id, "a", "cleo")
    assert [(one.from_, one.to) for one in handed.delegations] == [("ann", "cleo")]
    assert handed.assignee == "cleo"
    with pytest.raises(RefusedError) as caught:
        await ann.conditions.signal(run.run_id, "a", True)
    assert caught.value.reason == "NOT_ALLOWED"
    await cleo.conditions.signal(run.run_id, "a", True)
    assert (await ann.runs.wait(run.run_id, timeout=DEADLINE)).state == "SUCCEEDED"


async def test_what_is_snoozed_is_out_of_sight_until_it_is_woken(
    people: tuple[Client, Client, Client],
) -> None:
    ann, _, _ = people
    run = await ann.runs.create(plan=[plan.condition("a", bool)])
    until = later(1)
    assert (await ann.conditions.snooze(run.run_id, "a", until)).snooze_end_time == until
    assert await ann.conditions.list(run_id=run.run_id).all() == []
    assert len(await ann.conditions.list(run_id=run.run_id, include_snoozed=True).all()) == 1
    assert (await ann.conditions.snooze(run.run_id, "a")).snooze_end_time is None
    assert len(await ann.conditions.list(run_id=run.run_id).all()) == 1
    await ann.runs.cancel(run.run_id)


async def test_a_deadline_is_moved_and_orders_the_list(people: tuple[Client, Client, Client]) -> None:
    ann, _, _ = people
    steps = [Escalation(after=3600.0, notify=["ops"])]
    asked = [
        plan.condition("early", bool, timeout=7200.0, escalations=steps),
        plan.condition("late", bool, timeout=14_400.0),
        plan.condition("never", bool),
    ]
    run = await ann.runs.create(plan=asked)
    assert (await ann.conditions.get(run.run_id, "early")).next_escalation_time is not None

    async def names(due_before: datetime.datetime | None = None) -> list[str]:
        listed = ann.conditions.list(run_id=run.run_id, order="DUE", due_before=due_before)
        return [condition.name async for condition in listed]

    assert await names() == ["early", "late", "never"]
    assert await names(later(3)) == ["early"]
    until = later(8)
    assert (await ann.conditions.extend(run.run_id, "early", until)).deadline_time == until
    assert await names() == ["late", "early", "never"]
    assert (await ann.conditions.extend(run.run_id, "late")).deadline_time is None
    assert (await names())[0] == "early"
    with pytest.raises(RefusedError) as caught:
        await ann.conditions.extend(run.run_id, "early", later(-1))
    assert caught.value.reason == "INVALID_REQUEST"
    await ann.runs.cancel(run.run_id)
