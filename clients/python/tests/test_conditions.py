"""Conditions, over a started server."""

from __future__ import annotations

from typing import Any

import pytest
from conftest import DEADLINE, paused

from signalbox import Client, ConditionEnded, RefusedError, SyncTaskContext, TaskContext, Worker, plan


async def test_an_async_function_waits_for_the_answer(client: Client, server_worker: Worker, op: str) -> None:
    @server_worker.op(op)
    async def publish(ctx: TaskContext) -> dict[str, object]:
        approved = await ctx.condition("approve", bool, prompt="Publish?", description="Read it first.")
        return {"approved": approved}

    async with server_worker:
        run = await client.runs.create(op)
        await paused(client, run.run_id, "main/approve")
        found = await client.conditions.get(run.run_id, "main/approve")
        assert (found.spec.type, found.spec.prompt, found.outcome) == ("bool", "Publish?", "UNSPECIFIED")
        result = await client.conditions.signal(run.run_id, "main/approve", True, by="carol")
        assert result.condition is not None
        assert (result.condition.answer, result.condition.outcome) == (True, "ANSWERED")
        assert (await client.runs.wait(run.run_id, timeout=DEADLINE)).outputs == {"approved": True}


async def test_a_sync_function_waits_for_the_answer(client: Client, server_worker: Worker, op: str) -> None:
    @server_worker.op(op)
    def publish(ctx: SyncTaskContext) -> str:
        return f"by {ctx.condition('name', str)}"

    async with server_worker:
        run = await client.runs.create(op)
        await paused(client, run.run_id, "main/name")
        await client.conditions.signal(run.run_id, "main/name", "carol")
        assert (await client.runs.wait(run.run_id, timeout=DEADLINE)).outputs == {"value": "by carol"}


@pytest.mark.parametrize(
    ("kind", "sent", "kind_sent", "answer"),
    [
        (bool, False, None, False),
        (int, 2**62, None, 2**62),
        (float, 3, None, 3.0),
        (str, "yes", None, "yes"),
        (dict, {"a": [1, None]}, None, {"a": [1, None]}),
        ("json", "text", "json", "text"),
    ],
)
async def test_an_answer_has_the_type_that_was_asked_for(
    client: Client, server_worker: Worker, op: str, kind: Any, sent: Any, kind_sent: str | None, answer: Any
) -> None:
    answers = []

    @server_worker.op(op)
    async def ask(ctx: TaskContext) -> None:
        answers.append(await ctx.condition("ask", kind))

    async with server_worker:
        run = await client.runs.create(op)
        # A signal may come before its condition: it is kept.
        await client.conditions.signal(run.run_id, "main/ask", sent, type=kind_sent)
        await client.runs.wait(run.run_id, timeout=DEADLINE)
        assert answers == [answer]
        assert type(answers[0]) is type(answer)


async def test_a_condition_takes_one_answer(client: Client) -> None:
    run = await client.runs.create(plan=[plan.condition("a", int), plan.condition("b", bool)])
    await client.conditions.signal(run.run_id, "a", 1)
    assert (await client.conditions.signal(run.run_id, "a", 1)).repeated
    with pytest.raises(RefusedError) as caught:
        await client.conditions.signal(run.run_id, "a", 2)
    assert caught.value.reason == "ALREADY_ANSWERED"
    with pytest.raises(RefusedError) as caught:
        await client.conditions.signal(run.run_id, "b", "yes")
    assert caught.value.reason == "SIGNAL_TYPE_MISMATCH"
    assert caught.value.facts == {"expected": "bool", "actual": "string"}
    await client.runs.cancel(run.run_id)


async def test_a_condition_whose_time_runs_out_takes_its_default_or_raises(
    client: Client, server_worker: Worker, op: str
) -> None:
    @server_worker.op(op)
    async def ask(ctx: TaskContext) -> dict[str, object]:
        taken = await ctx.condition("default", int, timeout=0.05, default=7)
        try:
            await ctx.condition("none", bool, timeout=0.05)
        except ConditionEnded as ended:
            return {"taken": taken, "state": ended.state}
        return {}

    async with server_worker:
        run = await client.runs.create(op)
        ended = await client.runs.wait(run.run_id, timeout=DEADLINE)
        assert ended.outputs == {"taken": 7, "state": "TIMED_OUT"}


async def test_the_inbox_shows_what_waits_and_who_has_answered(client: Client, op: str) -> None:
    run = await client.runs.create(
        plan=[plan.condition("a", bool), plan.condition("b", bool)], labels={"inbox": op}
    )
    waiting = await client.conditions.list(labels={"inbox": op}).all()
    assert {condition.name for condition in waiting} == {"a", "b"}
    assert all(condition.is_open for condition in waiting)
    await client.conditions.signal(run.run_id, "a", True)
    assert [condition.name async for condition in client.conditions.list(run_id=run.run_id)] == ["b"]
    everything = await client.conditions.list(run_id=run.run_id, include_ended=True).all()
    assert len(everything) == 2
    await client.runs.cancel(run.run_id)
