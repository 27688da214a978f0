"""What functions of ops get and give, over a started server."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from conftest import DEADLINE

from signalbox import (
    ChildFailed,
    Client,
    RetryPolicy,
    SyncTaskContext,
    TaskContext,
    Timeouts,
    Worker,
    plan,
)


@pytest.mark.parametrize(
    ("returned", "outputs"),
    [
        (None, {}),
        ({}, {}),
        ({"a": 1, "b": {"c": [True]}}, {"a": 1, "b": {"c": [True]}}),
        (7, {"value": 7}),
        ([1, "x"], {"value": [1, "x"]}),
        (b"\x00", {"value": b"\x00"}),
    ],
)
@pytest.mark.parametrize("is_async", [True, False], ids=["async", "sync"])
async def test_what_a_function_returns_is_its_outputs(
    client: Client, server_worker: Worker, op: str, returned: Any, outputs: Any, is_async: bool
) -> None:
    async def later() -> Any:
        return returned

    server_worker.op(op)(later if is_async else lambda: returned)
    async with server_worker:
        run = await client.runs.create(op)
        assert (await client.runs.wait(run.run_id, timeout=DEADLINE)).outputs == outputs


async def test_a_function_gets_its_inputs_by_name_and_the_context_if_it_asks(
    client: Client, server_worker: Worker, op: str
) -> None:
    seen: dict[str, Any] = {}

    @server_worker.op(op)
    def work(ctx: SyncTaskContext, x: int, y: int = 5, **more: Any) -> None:
        seen.update(x=x, y=y, more=more, run_id=ctx.run_id, action=ctx.action, attempt=ctx.attempt)
        seen.update(labels=ctx.labels, op=ctx.op, devices=ctx.device_indexes, timeout=ctx.timeout)

    async with server_worker:
        run = await client.runs.create(
            op, {"x": 1, "z": [2]}, labels={"a": "b"}, timeouts=Timeouts(start_to_end=60)
        )
        await client.runs.wait(run.run_id, timeout=DEADLINE)
        assert seen == {
            "x": 1,
            "y": 5,
            "more": {"z": [2]},
            "run_id": run.run_id,
            "action": "main",
            "attempt": 1,
            "labels": {"a": "b"},
            "op": op,
            "devices": (),
            "timeout": 60.0,
        }


@pytest.mark.parametrize(
    ("function", "type_name"),
    [
        (lambda needed: needed, "InputInvalid"),
        (lambda **_: object(), "OutputInvalid"),
        (lambda **_: "x" * (1024 * 1024 + 1), "OutputTooLarge"),
    ],
    ids=["input", "output", "too large"],
)
async def test_what_no_attempt_can_help_fails_for_good(
    client: Client, server_worker: Worker, op: str, function: Any, type_name: str
) -> None:
    server_worker.op(op)(function)
    async with server_worker:
        run = await client.runs.create(op, {"x": 1}, retry=RetryPolicy(max_attempts=5))
        ended = await client.runs.wait(run.run_id, timeout=DEADLINE)
        assert ended.error is not None
        assert (ended.error.type, ended.error.non_retryable) == (type_name, True)


async def test_what_a_function_says_is_in_the_feed_in_its_order(
    client: Client, server_worker: Worker, op: str
) -> None:
    @server_worker.op(op)
    async def work(ctx: TaskContext) -> None:
        ctx.progress(40, "nearly")
        ctx.log("first")
        ctx.log("second", level="warn")
        ctx.event("mine", {"n": 1}, attributes={"k": "v"})
        await ctx.event("awaited", source="me")
        ctx.heartbeat()

    async with server_worker:
        run = await client.runs.create(op)
        await client.runs.wait(run.run_id, timeout=DEADLINE)
        kinds = ["ACTION_PROGRESSED", "ACTION_LOGGED", "PUBLISHED"]
        events = await client.events.list(run_id=run.run_id, kinds=kinds).all()
        assert [event.detail.get("message") or event.detail["type"] for event in events] == [
            "nearly",
            "first",
            "second",
            "mine",
            "awaited",
        ]
        assert events[2].detail["level"] == "WARN"
        assert events[3].detail == {
            "source": op,
            "type": "mine",
            "payload": {"n": 1},
            "attributes": {"k": "v"},
        }


async def test_of_more_log_lines_than_can_wait_some_are_dropped_and_told(
    client: Client, server_worker: Worker, op: str
) -> None:
    @server_worker.op(op)
    def work(ctx: SyncTaskContext) -> None:
        for number in range(20_000):
            ctx.log(str(number))

    async with server_worker:
        run = await client.runs.create(op)
        await client.runs.wait(run.run_id, timeout=DEADLINE)
        events = await client.events.list(run_id=run.run_id, kinds=["ACTION_LOGGED"]).all()
        lines = [event.detail["message"] for event in events]
        told = [line for line in lines if "log lines are missing" in line]
        missing = sum(int(line.split()[0]) for line in told)
        assert len(lines) - len(told) + missing == 20_000


async def test_a_step_is_done_once_over_all_attempts(client: Client, server_worker: Worker, op: str) -> None:
    calls: list[str] = []

    async def load(what: str) -> dict[str, int]:
        calls.append(what)
        return {"size": 3}

    def note() -> Any:
        calls.append("nothing")

    @server_worker.op(op)
    async def work(ctx: TaskContext) -> Any:
        loaded = await ctx.step("load", load, "file")
        nothing = await ctx.step("nothing", note)
        if ctx.attempt == 1:
            raise OSError("again")
        return {"size": loaded["size"], "nothing": nothing}

    async with server_worker:
        run = await client.runs.create(op, retry=RetryPolicy(max_attempts=2, initial_backoff=0.0))
        ended = await client.runs.wait(run.run_id, timeout=DEADLINE)
        assert ended.outputs == {"size": 3, "nothing": None}
        assert calls == ["file", "nothing"]


async def test_a_step_that_failed_is_done_again(client: Client, server_worker: Worker, op: str) -> None:
    calls: list[int] = []

    def flaky() -> int:
        calls.append(len(calls))
        if len(calls) == 1:
            raise ConnectionError("gone")
        return calls[-1]

    @server_worker.op(op)
    def work(ctx: SyncTaskContext) -> int:
        return ctx.step("flaky", flaky)

    async with server_worker:
        run = await client.runs.create(op, retry=RetryPolicy(max_attempts=2, initial_backoff=0.0))
        assert (await client.runs.wait(run.run_id, timeout=DEADLINE)).outputs == {"value": 1}
        first = (await client.actions.attempts(run.run_id))[0]
        assert first.error is not None
        assert first.error.type == "ConnectionError"


@pytest.mark.parametrize("is_async", [True, False], ids=["async", "sync"])
async def test_a_trace_shows_in_the_run(
    client: Client, server_worker: Worker, op: str, is_async: bool
) -> None:
    found: list[tuple[bool, dict[str, Any]]] = []

    async def traced(ctx: TaskContext) -> None:
        async with ctx.trace("load") as trace:
            found.append((trace.recorded, dict(trace.outputs)))
            trace.outputs["rows"] = 5
        if ctx.attempt == 1:
            raise OSError("again")

    def traced_sync(ctx: SyncTaskContext) -> None:
        with ctx.trace("load") as trace:
            found.append((trace.recorded, dict(trace.outputs)))
            trace.outputs["rows"] = 5
        if ctx.attempt == 1:
            raise OSError("again")

    server_worker.op(op)(traced if is_async else traced_sync)
    async with server_worker:
        run = await client.runs.create(op, retry=RetryPolicy(max_attempts=2, initial_backoff=0.0))
        assert (await client.runs.wait(run.run_id, timeout=DEADLINE)).state == "SUCCEEDED"
        assert found == [(False, {}), (True, {"rows": 5})]
        action = await client.actions.get(run.run_id, "main/load")
        assert (action.kind, action.state, action.outputs) == ("TRACE", "SUCCEEDED", {"rows": 5})


@pytest.mark.parametrize("is_async", [True, False], ids=["async", "sync"])
async def test_parents_and_children_share_one_place(
    client: Client, server_address: str, op: str, is_async: bool
) -> None:
    worker = Worker(server_address, concurrency=1)

    async def count(ctx: TaskContext, depth: int) -> int:
        if depth == 0:
            return 1
        return 1 + (await ctx.task("child", op, {"depth": depth - 1}))["value"]  # type: ignore[no-any-return]

    def count_sync(ctx: SyncTaskContext, depth: int) -> int:
        if depth == 0:
            return 1
        return 1 + ctx.task("child", op, {"depth": depth - 1})["value"]  # type: ignore[no-any-return]

    worker.op(op)(count if is_async else count_sync)
    async with worker:
        run = await client.runs.create(op, {"depth": 4})
        assert (await client.runs.wait(run.run_id, timeout=DEADLINE)).outputs == {"value": 5}


async def test_children_run_side_by_side_and_their_failures_are_told(
    client: Client, server_worker: Worker, op: str
) -> None:
    @server_worker.op(f"{op}/child")
    def child(x: int) -> int:
        if x == 2:
            raise KeyError("two")
        return x * x

    @server_worker.op(op)
    async def parent(ctx: TaskContext) -> dict[str, Any]:
        started = [await ctx.start_task(plan.task(f"c{x}", f"{op}/child", {"x": x})) for x in range(4)]
        results = await asyncio.gather(*(one.outputs() for one in started), return_exceptions=True)
        failed = results[2]
        assert isinstance(failed, ChildFailed)
        squares = [result["value"] for result in results if isinstance(result, dict)]
        return {"squares": squares, "failed": failed.error.type, "state": failed.state}

    async with server_worker:
        run = await client.runs.create(op)
        ended = await client.runs.wait(run.run_id, timeout=DEADLINE)
        assert ended.outputs == {"squares": [0, 1, 9], "failed": "KeyError", "state": "FAILED"}


async def test_what_breaks_a_bound_is_refused_to_the_task_and_leaves_the_stream(
    client: Client, server_worker: Worker, op: str
) -> None:
    @server_worker.op(op)
    async def work(ctx: TaskContext) -> list[str]:
        told = []
        for ask in (
            lambda: ctx.task("no name", "op"),
            lambda: ctx.task("a", "no op"),
            lambda: ctx.condition("a", bool, prompt="x" * 20_000),
            lambda: ctx.task("a", "op", timeouts=Timeouts(heartbeat=-1)),
            lambda: ctx.task("a", "op", retry=RetryPolicy(max_attempts=1000)),
        ):
            try:
                await ask()
            except ValueError as error:
                told.append(str(error))
        try:
            ctx.event("")
        except ValueError as error:
            told.append(str(error))
        return told

    async with server_worker:
        run = await client.runs.create(op)
        ended = await client.runs.wait(run.run_id, timeout=DEADLINE)
        assert ended.state == "SUCCEEDED", ended.error
        assert len(ended.outputs["value"]) == 6


@pytest.mark.parametrize("is_async", [True, False], ids=["async", "sync"])
async def test_a_cancelled_run_interrupts_its_function(
    client: Client, server_worker: Worker, op: str, is_async: bool
) -> None:
    begun, stopped = threading.Event(), threading.Event()

    async def work(ctx: TaskContext) -> None:
        begun.set()
        try:
            await ctx.condition("never", bool)
        finally:
            stopped.set()

    def work_sync(ctx: SyncTaskContext) -> None:
        begun.set()
        try:
            ctx.condition("never", bool)
        finally:
            stopped.set()

    server_worker.op(op)(work if is_async else work_sync)
    async with server_worker:
        run = await client.runs.create(op)
        await asyncio.to_thread(begun.wait, DEADLINE)
        await client.runs.cancel(run.run_id, cause="enough")
        ended = await client.runs.wait(run.run_id, timeout=DEADLINE)
        assert ended.state == "CANCELLED"
        assert stopped.is_set()


async def test_an_async_function_is_beaten_for_and_a_busy_one_is_found_to_hang(
    client: Client, server_worker: Worker, op: str
) -> None:
    @server_worker.op(op)
    async def idle() -> str:
        await asyncio.sleep(1)
        return "alive"

    @server_worker.op(f"{op}/hangs")
    def hang(ctx: SyncTaskContext) -> None:
        ctx.sleep(60)

    async with server_worker:
        run = await client.runs.create(op, timeouts=Timeouts(heartbeat=0.3))
        assert (await client.runs.wait(run.run_id, timeout=DEADLINE)).outputs == {"value": "alive"}
        run = await client.runs.create(f"{op}/hangs", timeouts=Timeouts(heartbeat=0.3), cancel_grace=0.1)
        assert (await client.runs.wait(run.run_id, timeout=DEADLINE)).state == "TIMED_OUT"


async def test_many_sync_functions_run_at_once(client: Client, server_address: str, op: str) -> None:
    worker = Worker(server_address, concurrency=20)
    together = threading.Barrier(20)
    worker.op(op)(lambda: together.wait(DEADLINE))
    async with worker:
        runs = await client.runs.create_many([plan.run(op) for _ in range(20)])
        for run in runs:
            assert (await client.runs.wait(run.run_id)).state == "SUCCEEDED"  # type: ignore[union-attr]


def test_an_op_has_one_function_and_a_name() -> None:
    worker = Worker()
    worker.op("a")(lambda: None)
    with pytest.raises(ValueError, match="has a function for a already"):
        worker.op("a")(lambda: None)
    with pytest.raises(ValueError, match="is no name of an op"):
        worker.op("not a name")


async def test_a_worker_without_ops_is_not_started() -> None:
    with pytest.raises(RuntimeError, match="has no ops"):
        await Worker().start()


@pytest.mark.parametrize("concurrency", [0, 1001])
def test_concurrency_is_bounded(concurrency: int) -> None:
    with pytest.raises(ValueError, match="1 to 1000"):
        Worker(concurrency=concurrency)
