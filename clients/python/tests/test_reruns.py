"""Doing runs again, and the answers of before, over a started server."""

from __future__ import annotations

import pytest
from conftest import DEADLINE, paused

from signalbox import Client, RefusedError, TaskContext, Worker, plan


async def test_a_rerun_recovers_what_succeeded_and_reuses_its_answers(client: Client, op: str) -> None:
    asked = [plan.condition("approve", bool), plan.condition("name", str)]
    first = await client.runs.create(plan=asked, labels={"try": "1"}, priority=3)
    await client.conditions.signal(first.run_id, "approve", True, by="carol")
    await client.conditions.signal(first.run_id, "name", "x")
    with pytest.raises(RefusedError) as caught:
        await client.runs.rerun((await client.runs.create(plan=asked)).run_id)
    assert caught.value.reason == "RUN_NOT_ENDED"
    again = await client.runs.rerun(first.run_id, new_run_id=f"again-{op}", labels={"try": "2"}, priority=5)
    assert again.recovered_count == 2
    assert (again.run.run_id, again.run.rerun_of) == (f"again-{op}", first.run_id)
    assert (again.run.labels, again.run.priority) == ({"try": "2"}, 5)
    assert (await client.runs.wait(again.run.run_id, timeout=DEADLINE)).state == "SUCCEEDED"
    action = await client.actions.get(again.run.run_id, "approve")
    assert (action.state, action.recovered_from) == ("RECOVERED", first.run_id)
    assert action.has_ended
    assert action.condition is not None
    assert (action.condition.answer, action.condition.signalled_by) == (True, "carol")


async def test_a_rerun_asks_again_where_it_is_told_to(client: Client) -> None:
    asked = [plan.condition("a", bool), plan.condition("b", bool), plan.condition("c", bool)]
    first = await client.runs.create(plan=asked)
    for name in ("a", "b", "c"):
        await client.conditions.signal(first.run_id, name, True)
    again = await client.runs.rerun(
        first.run_id, replay="REUSE", replay_by_condition={"b": "ASK_AGAIN", "c": "REQUIRE_BOTH"}
    )
    assert again.recovered_count == 1
    open_ones = await client.conditions.list(run_id=again.run.run_id).all()
    assert {condition.name for condition in open_ones} == {"b", "c"}
    assert all(
        [(answer.value, answer.run_id) for answer in condition.earlier_answers] == [(True, first.run_id)]
        for condition in open_ones
    )
    await client.conditions.signal(again.run.run_id, "b", False)
    await client.conditions.signal(again.run.run_id, "c", False)
    ended = await client.runs.wait(again.run.run_id, timeout=DEADLINE)
    assert (ended.state, ended.error and ended.error.type) == ("FAILED", "AnswersDiffer")


async def test_a_task_that_is_done_over_finds_the_children_that_it_had(
    client: Client, server_worker: Worker, op: str
) -> None:
    calls: list[str] = []
    fails = [True]

    async def step() -> int:
        calls.append("step")
        return 1

    @server_worker.op(op)
    async def work(ctx: TaskContext) -> dict[str, object]:
        answer = await ctx.condition("ask", int)
        child = await ctx.task("child", f"{op}-child")
        stepped = await ctx.step("step", step)
        if fails.pop() if fails else False:
            raise ValueError("once")
        return {"answer": answer, "child": child["value"], "step": stepped}

    @server_worker.op(f"{op}-child")
    async def child() -> int:
        calls.append("child")
        return 2

    async with server_worker:
        first = await client.runs.create(op)
        await client.conditions.signal(first.run_id, "main/ask", 7)
        assert (await client.runs.wait(first.run_id, timeout=DEADLINE)).state == "FAILED"
        again = await client.runs.rerun(first.run_id)
        ended = await client.runs.wait(again.run.run_id, timeout=DEADLINE)
        assert (ended.state, ended.outputs) == ("SUCCEEDED", {"answer": 7, "child": 2, "step": 1})
        assert calls == ["child", "step"]
        states = {action.name: action.state async for action in client.actions.list(again.run.run_id)}
        assert states["main/ask"] == states["main/child"] == states["main/step"] == "RECOVERED"


async def test_a_retry_of_all_asks_again_unless_answers_are_reused(client: Client) -> None:
    run = await client.runs.create(plan=[plan.condition("a", bool), plan.condition("b", bool)])
    for name in ("a", "b"):
        await client.conditions.signal(run.run_id, name, True)
    retried = await client.runs.retry(run.run_id, all=True, replay_by_condition={"a": "REUSE"})
    assert retried.retry_count == 1
    await paused(client, run.run_id, "b")
    (found,) = await client.conditions.list(run_id=run.run_id).all()
    assert (found.name, found.instance) == ("b", 2)
    with pytest.raises(RefusedError) as caught:
        await client.conditions.signal(run.run_id, "b", True, instance=1)
    assert caught.value.reason == "INSTANCE_CHANGED"
    await client.conditions.signal(run.run_id, "b", False, instance=2)
    ended = await client.runs.wait(run.run_id, timeout=DEADLINE)
    assert ended.state == "SUCCEEDED"
    assert (await client.conditions.get(run.run_id, "a")).answer is True
