"""Decisions: what answers must keep, and how they come, over a started server."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

import pytest
from conftest import DEADLINE, paused

from signalbox import (
    Choice,
    Client,
    InvalidRequestError,
    NotFoundError,
    RefusedError,
    SyncTaskContext,
    TaskContext,
    Worker,
    plan,
)

SCHEMA = {
    "type": "object",
    "properties": {"amount": {"type": "integer", "minimum": 1}},
    "required": ["amount", "currency"],
}


def post_json(uri: str, content: object) -> Any:
    """Posts JSON as any program would, and reads what comes back."""
    body = json.dumps(content).encode()
    request = urllib.request.Request(uri, data=body, headers={"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=DEADLINE) as response:
        return json.load(response)


async def test_an_answer_that_does_not_keep_the_schema_is_refused_with_each_place(client: Client) -> None:
    run = await client.runs.create(plan=[plan.condition("pay", dict, schema=SCHEMA)])
    with pytest.raises(InvalidRequestError) as caught:
        await client.conditions.signal(run.run_id, "pay", {"amount": 0})
    assert caught.value.reason == "ANSWER_INVALID"
    assert len(caught.value.violations) == 2
    assert any(violation.field.endswith("amount") for violation in caught.value.violations)
    result = await client.conditions.signal(run.run_id, "pay", {"amount": 5, "currency": "EUR"})
    assert result.condition is not None
    assert result.condition.outcome == "ANSWERED"
    assert result.condition.spec.schema == SCHEMA


async def test_a_task_asks_with_the_same_terms(client: Client, server_worker: Worker, op: str) -> None:
    @server_worker.op(op)
    async def ask(ctx: TaskContext) -> str:
        size = await ctx.condition("size", str, schema={"enum": ["S", "L"]}, choices=[Choice(value="S")])
        assert ctx.run_id
        return size

    @server_worker.op(f"{op}-sync")
    def ask_sync(ctx: SyncTaskContext) -> int:
        return ctx.condition("count", int, correlation_key=f"{op}-count", assignee="ann")

    async with server_worker:
        run = await client.runs.create(op)
        await paused(client, run.run_id, "main/size")
        found = await client.conditions.get(run.run_id, "main/size")
        assert (found.op, found.spec.choices) == (op, [Choice(value="S")])
        with pytest.raises(RefusedError):
            await client.conditions.signal(run.run_id, "main/size", "M")
        await client.conditions.signal(run.run_id, "main/size", "L", comment="it grows")
        assert (await client.runs.wait(run.run_id, timeout=DEADLINE)).outputs == {"value": "L"}
        answered = await client.conditions.get(run.run_id, "main/size")
        assert [(one.value, one.comment, one.channel) for one in answered.answers] == [
            ("L", "it grows", "CALL")
        ]
        sync = await client.runs.create(f"{op}-sync")
        await paused(client, sync.run_id, "main/count")
        listed = await client.conditions.list(op=f"{op}-sync", assignee="ann").all()
        assert [condition.run_id for condition in listed] == [sync.run_id]
        await client.conditions.signal_by_key(f"{op}-count", 7)
        assert (await client.runs.wait(sync.run_id, timeout=DEADLINE)).outputs == {"value": 7}


async def test_a_signal_by_key_finds_its_condition_or_waits_for_it(client: Client, op: str) -> None:
    key = f"order-{op}"
    with pytest.raises(NotFoundError) as caught:
        await client.conditions.signal_by_key(key, True)
    assert caught.value.reason == "CORRELATION_NOT_FOUND"
    kept = await client.conditions.signal_by_key(key, True, keep_for=600, by="the bank")
    assert (kept.kept, kept.condition) == (True, None)
    run = await client.runs.create(plan=[plan.condition("paid", bool, correlation_key=key)])
    assert (await client.runs.wait(run.run_id, timeout=DEADLINE)).state == "SUCCEEDED"
    taken = await client.conditions.get(run.run_id, "paid")
    assert (taken.answer, taken.signalled_by) == (True, "the bank")
    later = await client.runs.create(plan=[plan.condition("paid", bool, correlation_key=key)])
    answered = await client.conditions.signal_by_key(key, False)
    assert answered.condition is not None
    assert (answered.condition.run_id, answered.condition.answer) == (later.run_id, False)


async def test_of_a_group_the_first_answer_ends_the_others(client: Client) -> None:
    asked = [plan.condition(name, bool, group="decision") for name in ("mail", "chat")]
    run = await client.runs.create(plan=asked)
    await client.conditions.signal(run.run_id, "chat", True)
    assert (await client.runs.wait(run.run_id, timeout=DEADLINE)).state == "SUCCEEDED"
    outcomes = {name: (await client.conditions.get(run.run_id, name)).outcome for name in ("mail", "chat")}
    assert outcomes == {"mail": "WITHDRAWN", "chat": "ANSWERED"}


async def test_a_signal_that_comes_before_a_condition_that_takes_none_is_refused(client: Client) -> None:
    run = await client.runs.create(
        plan=[
            plan.condition("first", bool),
            plan.condition("second", bool, after=["first"], early_signals="DROP"),
        ]
    )
    with pytest.raises(RefusedError) as refused:
        await client.conditions.signal(run.run_id, "second", True)
    assert refused.value.reason == "CONDITION_NOT_OPEN"
    await client.conditions.signal(run.run_id, "first", True)
    assert (await client.conditions.get(run.run_id, "second")).is_open
    await client.runs.cancel(run.run_id)


async def test_a_link_answers_once_for_whoever_has_it(client: Client) -> None:
    run = await client.runs.create(plan=[plan.condition("approve", bool, prompt="Publish?")])
    link = await client.conditions.create_link(run.run_id, "approve", subject="erin", lifetime=600)
    assert link.expire_time is not None
    assert link.uri not in repr(link)
    told = post_json(link.uri, {"value": True, "comment": "fine"})
    assert told["decided"] is True
    assert (await client.runs.wait(run.run_id, timeout=DEADLINE)).state == "SUCCEEDED"
    (answer,) = (await client.conditions.get(run.run_id, "approve")).answers
    assert (answer.value, answer.subject, answer.channel, answer.comment) == (True, "erin", "LINK", "fine")
    with pytest.raises(urllib.error.HTTPError) as caught:
        post_json(link.uri, {"value": True})
    assert (caught.value.code, json.load(caught.value)["reason"]) == (409, "LINK_USED")
    refused = await client.events.list(run_id=run.run_id, kinds=["LINK_REFUSED"]).all()
    assert [event.detail["cause"] for event in refused] == ["LINK_USED"]
