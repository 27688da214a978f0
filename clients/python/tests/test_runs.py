"""Runs, over a started server."""

from __future__ import annotations

import asyncio

import pytest
from conftest import DEADLINE, skip_if_unserved

from signalbox import (
    CallFailedError,
    Client,
    InvalidRequestError,
    NonRetryableError,
    NotFoundError,
    RefusedError,
    RetryPolicy,
    Run,
    Worker,
    plan,
)


async def test_a_run_of_an_op_gives_its_outputs(client: Client, server_worker: Worker, op: str) -> None:
    @server_worker.op(op)
    async def add(a: int, b: float) -> dict[str, float]:
        return {"sum": a + b}

    async with server_worker:
        run = await client.runs.create(op, {"a": 1, "b": 2.5}, labels={"team": "docs"}, priority=7)
        assert (run.state, run.labels, run.priority) == ("QUEUED", {"team": "docs"}, 7)
        ended = await client.runs.wait(run.run_id, timeout=DEADLINE)
        assert ended.state == "SUCCEEDED"
        assert ended.has_ended
        assert ended.outputs == {"sum": 3.5}


async def test_a_plan_hands_outputs_on_and_follows_the_answer(
    client: Client, server_worker: Worker, op: str
) -> None:
    @server_worker.op(op)
    async def double(x: int) -> int:
        return 2 * x

    async with server_worker:
        run = await client.runs.create(
            plan=[
                plan.task("first", op, {"x": 4}),
                plan.condition("approve", bool, prompt="Go on?", after=["first"]),
                plan.task(
                    "second",
                    op,
                    {"x": plan.output("first", "value")},
                    after=[plan.after("approve", equals=True)],
                ),
                plan.task("never", op, {"x": 0}, after=[plan.after("approve", equals=False)]),
                plan.task("always", op, {"x": 1}, after=[plan.after("never", however_ended=True)]),
            ]
        )
        result = await client.conditions.signal(run.run_id, "approve", True, by="carol")
        assert result.kept or result.condition is not None
        ended = await client.runs.wait(run.run_id, timeout=DEADLINE)
        assert ended.state == "SUCCEEDED"
        actions = {action.name: action async for action in client.actions.list(run.run_id)}
        assert actions["second"].outputs == {"value": 16}
        assert actions["second"].inputs == {"x": plan.output("first", "value")}
        assert actions["never"].state == "SKIPPED"
        assert actions["always"].outputs == {"value": 2}
        assert actions["approve"].condition is not None
        assert actions["approve"].condition.signalled_by == "carol"


async def test_a_watch_shows_the_state_and_then_every_event_to_the_end(
    client: Client, server_worker: Worker, op: str
) -> None:
    go_on = asyncio.Event()

    @server_worker.op(op)
    async def work() -> None:
        await go_on.wait()

    async with server_worker:
        run = await client.runs.create(op)
        frames = []
        async for frame in client.runs.watch(run.run_id):
            frames.append(frame)
            go_on.set()
        assert frames[0].snapshot
        assert frames[0].run is not None
        assert not frames[0].run.has_ended
        assert frames[-1].ended
        assert frames[-1].run is not None
        assert frames[-1].run.state == "SUCCEEDED"
        kinds = [event.kind for frame in frames for event in frame.events]
        assert kinds[-2:] == ["ACTION_ENDED", "RUN_ENDED"]


async def test_many_runs_are_created_each_by_itself(client: Client, op: str) -> None:
    results = await client.runs.create_many(
        [plan.run(op), plan.run(op, run_id="not a name"), plan.run(op, {"x": 1})]
    )
    assert isinstance(results[0], Run)
    assert isinstance(results[1], InvalidRequestError)
    assert isinstance(results[2], Run)
    for result in (results[0], results[2]):
        assert isinstance(result, Run)
        await client.runs.cancel(result.run_id)


async def test_a_run_that_was_cancelled_can_be_tried_again(
    client: Client, server_worker: Worker, op: str
) -> None:
    run = await client.runs.create(op)
    cancelled = await client.runs.cancel(run.run_id, cause="wrong one")
    assert cancelled.state == "CANCELLED"
    with pytest.raises(RefusedError) as caught:
        await client.runs.cancel(run.run_id)
    assert (caught.value.reason, caught.value.code) == ("RUN_ENDED", "FAILED_PRECONDITION")
    assert caught.value.facts == {"run_id": run.run_id, "state": "CANCELLED"}

    @server_worker.op(op)
    async def work() -> str:
        return "done"

    async with server_worker:
        assert (await client.runs.retry(run.run_id)).retry_count == 1
        assert (await client.runs.wait(run.run_id, timeout=DEADLINE)).outputs == {"value": "done"}


async def test_a_run_is_changed(client: Client, op: str) -> None:
    run = await client.runs.create(op, labels={"a": "1", "b": "2"})
    changed = await client.runs.update(run.run_id, priority=3, set_labels={"c": "3"}, remove_labels=["a"])
    assert (changed.priority, changed.labels) == (3, {"b": "2", "c": "3"})
    await client.runs.cancel(run.run_id)


async def test_a_list_is_read_over_all_its_pages(client: Client, op: str) -> None:
    made = {(await client.runs.create(op, labels={"list": op})).run_id for _ in range(5)}
    runs = client.runs.list(labels={"list": op}, states=["QUEUED"])
    first = await runs.page(size=2)
    assert len(first.items) == 2
    second = await runs.page(size=2, token=first.next_page_token)
    assert not {run.run_id for run in first.items} & {run.run_id for run in second.items}
    assert {run.run_id async for run in runs} == made
    assert {run.run_id for run in await runs.all()} == made
    for run_id in made:
        await client.runs.cancel(run_id)


async def test_a_wait_for_a_run_that_does_not_end_gives_up(client: Client, op: str) -> None:
    run = await client.runs.create(op)
    with pytest.raises(TimeoutError, match="has not ended"):
        await client.runs.wait(run.run_id, timeout=0.2)
    await client.runs.cancel(run.run_id)


async def test_the_same_request_id_creates_one_run(client: Client, op: str) -> None:
    first = await client.runs.create(op, request_id=f"once-{op}")
    second = await client.runs.create(op, request_id=f"once-{op}")
    assert first.run_id == second.run_id
    with pytest.raises(RefusedError) as caught:
        await client.runs.create(op, {"x": 1}, request_id=f"once-{op}")
    assert caught.value.reason == "REQUEST_ID_REUSED"
    await client.runs.cancel(first.run_id)


async def test_attempts_and_their_errors_are_told(client: Client, server_worker: Worker, op: str) -> None:
    tries = []

    @server_worker.op(op)
    async def fail_twice(ctx: object) -> str:
        tries.append(ctx)
        if len(tries) < 3:
            raise LookupError(f"try {len(tries)}")
        return "third"

    async with server_worker:
        run = await client.runs.create(op, retry=RetryPolicy(max_attempts=5, initial_backoff=0.0))
        assert (await client.runs.wait(run.run_id, timeout=DEADLINE)).outputs == {"value": "third"}
        attempts = await client.actions.attempts(run.run_id)
        assert [attempt.state for attempt in attempts] == ["FAILED", "FAILED", "SUCCEEDED"]
        error = attempts[0].error
        assert error is not None
        assert (error.type, error.message) == ("LookupError", "try 1")
        assert "fail_twice" in error.stack


async def test_an_error_that_no_attempt_can_help_ends_the_run(
    client: Client, server_worker: Worker, op: str
) -> None:
    class NobodyWantsIt(NonRetryableError):
        pass

    @server_worker.op(op)
    def refuse() -> None:
        raise NobodyWantsIt("really")

    async with server_worker:
        run = await client.runs.create(op, retry=RetryPolicy(max_attempts=5))
        ended = await client.runs.wait(run.run_id, timeout=DEADLINE)
        assert ended.state == "FAILED"
        assert ended.error is not None
        assert (ended.error.type, ended.error.non_retryable) == ("NobodyWantsIt", True)
        assert len(await client.actions.attempts(run.run_id)) == 1


async def test_an_action_that_does_not_run_is_explained(client: Client, op: str) -> None:
    run = await client.runs.create(op)
    explained = await client.actions.explain(run.run_id)
    assert explained.cause == "NO_WORKER"
    assert explained.message
    await client.runs.cancel(run.run_id)


async def test_the_timeline_of_an_attempt_is_told(client: Client, server_worker: Worker, op: str) -> None:
    @server_worker.op(op)
    def work(ctx: object) -> None:
        ctx.progress(40, "nearly")  # type: ignore[attr-defined]

    async with server_worker:
        run = await client.runs.create(op)
        await client.runs.wait(run.run_id, timeout=DEADLINE)
    try:
        entries = await client.actions.timeline(run.run_id).all()
    except CallFailedError as error:
        skip_if_unserved(error)
    types = [entry.type for entry in entries]
    assert types[-1] == "COMPLETED"
    assert [entry.percent for entry in entries if entry.type == "PROGRESS"] == [40.0]


async def test_an_operator_ends_an_action(client: Client, op: str) -> None:
    run = await client.runs.create(op)
    try:
        ended = await client.actions.end(run.run_id, state="SUCCEEDED", outputs={"x": 1}, cause="by hand")
    except CallFailedError as error:
        skip_if_unserved(error)
    assert (ended.state, ended.outputs) == ("SUCCEEDED", {"x": 1})
    assert (await client.runs.get(run.run_id)).state == "SUCCEEDED"


async def test_a_run_that_is_not_there_is_not_found(client: Client) -> None:
    with pytest.raises(NotFoundError) as caught:
        await client.runs.get("nowhere")
    assert caught.value.reason == "RUN_NOT_FOUND"
    assert caught.value.facts == {"namespace": "default", "run_id": "nowhere"}


async def test_everything_that_is_wrong_with_a_request_is_told_at_once(client: Client, op: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        await client.runs.create(op, run_id="not a name", labels={"!": "x"}, priority=-1)
    assert caught.value.reason == "INVALID_REQUEST"
    fields = {violation.field for violation in caught.value.violations}
    assert {"run.run_id", "run.priority"} <= fields
    assert all(violation.description for violation in caught.value.violations)
    assert "run.run_id: " in str(caught.value)


async def test_namespaces_do_not_see_each_other(server_address: str, op: str) -> None:
    async with Client(server_address, namespace="apart") as apart, Client(server_address) as client:
        run = await apart.runs.create(op)
        assert run.namespace == "apart"
        with pytest.raises(NotFoundError):
            await client.runs.get(run.run_id)
        assert (await client.runs.get(run.run_id, namespace="apart")).run_id == run.run_id
        await apart.runs.cancel(run.run_id)
