"""What survives what: servers killed and stopped, workers killed and halted, over processes of their own."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from conftest import DEADLINE, paused, within
from server import Server

from signalbox import Client, RetryPolicy, SyncTaskContext, TaskContext, Worker

PROGRAM = Path(__file__).with_name("worker_program.py")


async def test_a_task_goes_on_when_its_server_is_killed_and_started_again(own_server: Server) -> None:
    worker = Worker(own_server.address)
    calls: list[str] = []
    begun, go_on = asyncio.Event(), asyncio.Event()

    @worker.op("work")
    async def work(ctx: TaskContext) -> dict[str, Any]:
        calls.append(await ctx.step("before", lambda: "before"))
        begun.set()
        await go_on.wait()
        ctx.progress(50, "after")
        calls.append(await ctx.step("after", lambda: "after"))
        return {"attempt": ctx.attempt}

    async with worker, Client(own_server.address, retry=within(60)) as client:
        run = await client.runs.create("work")
        await asyncio.wait_for(begun.wait(), DEADLINE)
        own_server.kill()
        go_on.set()
        await asyncio.sleep(0.1)
        own_server.start()
        ended = await client.runs.wait(run.run_id, timeout=DEADLINE)
        assert ended.outputs == {"attempt": 1}
        assert calls == ["before", "after"]
        attempts = await client.actions.attempts(run.run_id)
        assert [attempt.state for attempt in attempts] == ["SUCCEEDED"]


async def test_a_function_that_waits_gets_its_answer_from_a_server_that_was_killed(
    own_server: Server,
) -> None:
    worker = Worker(own_server.address)

    @worker.op("ask")
    async def ask(ctx: TaskContext) -> Any:
        return await ctx.condition("approve", bool)

    @worker.op("ask-sync")
    def ask_sync(ctx: SyncTaskContext) -> Any:
        return ctx.condition("approve", bool)

    async with worker, Client(own_server.address, retry=within(60)) as client:
        runs = [await client.runs.create("ask"), await client.runs.create("ask-sync")]
        for run in runs:
            await paused(client, run.run_id, "main/approve")
        own_server.kill()
        own_server.start()
        for run in runs:
            await client.conditions.signal(run.run_id, "main/approve", True)
            ended = await client.runs.wait(run.run_id, timeout=DEADLINE)
            assert ended.outputs == {"value": True}
            assert len(await client.actions.attempts(run.run_id)) == 1


async def test_a_worker_moves_over_when_its_server_is_stopped_and_started(own_server: Server) -> None:
    worker = Worker(own_server.address)
    go_on = threading.Event()
    begun = threading.Event()

    @worker.op("work")
    def work() -> str:
        begun.set()
        go_on.wait(DEADLINE)
        return "done"

    async with worker, Client(own_server.address, retry=within(60)) as client:
        run = await client.runs.create("work")
        await asyncio.to_thread(begun.wait, DEADLINE)
        await asyncio.to_thread(own_server.stop)
        await asyncio.to_thread(own_server.start)
        go_on.set()
        assert (await client.runs.wait(run.run_id, timeout=DEADLINE)).outputs == {"value": "done"}
        assert len(await client.actions.attempts(run.run_id)) == 1


async def test_a_busy_event_loop_does_not_lose_the_lease() -> None:
    short = Server("--lease-ms", "1000", "--pulse-interval-ms", "200")
    try:
        worker = Worker(short.address)

        @worker.op("busy")
        async def busy() -> str:
            threading.Event().wait(3)
            return "done"

        async with worker, Client(short.address) as client:
            run = await client.runs.create("busy")
            assert (await client.runs.wait(run.run_id, timeout=DEADLINE)).outputs == {"value": "done"}
            assert len(await client.actions.attempts(run.run_id)) == 1
    finally:
        short.close()


async def test_a_worker_that_was_halted_beyond_its_lease_drops_what_another_does_now() -> None:
    short = Server("--lease-ms", "1000", "--pulse-interval-ms", "200")
    program = start_program(short, "halted")
    try:
        async with Client(short.address, retry=within(60)) as client:
            retry = RetryPolicy(max_attempts=2, initial_backoff=0.0)
            run = await client.runs.create("hold", retry=retry)
            await paused(client, run.run_id, "main/go-on")
            os.kill(program.pid, signal.SIGSTOP)
            second = Worker(short.address, worker_id="second")

            @second.op("hold")
            async def hold(ctx: TaskContext) -> str:
                await ctx.condition("go-on", bool)
                return f"second, attempt {ctx.attempt}"

            async with second:
                async for frame in client.runs.watch(run.run_id):
                    if any(action.attempt == 2 and action.state == "RUNNING" for action in frame.actions):
                        break
                os.kill(program.pid, signal.SIGCONT)
                assert read_line(program) == "lost AttemptLost\n"
                await client.conditions.signal(run.run_id, "main/go-on", True)
                ended = await client.runs.wait(run.run_id, timeout=DEADLINE)
                assert ended.outputs == {"value": "second, attempt 2"}
            first = (await client.actions.attempts(run.run_id))[0]
            assert first.error is not None
            assert first.error.type == "LeaseExpired"
    finally:
        end_program(program)
        short.close()


async def test_the_steps_of_a_killed_worker_are_found_by_the_next_attempt(own_server: Server) -> None:
    program = start_program(own_server, "killed")
    async with Client(own_server.address) as client:
        retry = RetryPolicy(max_attempts=2, initial_backoff=0.0)
        run = await client.runs.create("hold", retry=retry)
        await paused(client, run.run_id, "main/go-on")
        program.kill()
        program.wait()
        await client.conditions.signal(run.run_id, "main/go-on", True)
        # A new process of the same name takes the place of the old one at once.
        program = start_program(own_server, "killed")
        try:
            ended = await client.runs.wait(run.run_id, timeout=DEADLINE)
            assert ended.outputs == {"attempt": 2, "first": 1}
        finally:
            end_program(program)


async def test_sigterm_lets_what_runs_finish_and_then_ends_the_process(own_server: Server) -> None:
    program = start_program(own_server, "terminated")
    async with Client(own_server.address) as client:
        run = await client.runs.create("hold")
        await paused(client, run.run_id, "main/go-on")
        program.terminate()
        async for frame in client.events.watch(start="beginning", kinds=["WORKER_DRAINING"]):
            if frame.events:
                break
        waiting = await client.runs.create("hold")
        await client.conditions.signal(run.run_id, "main/go-on", True)
        assert (await client.runs.wait(run.run_id, timeout=DEADLINE)).state == "SUCCEEDED"
        assert await asyncio.to_thread(program.wait, DEADLINE) == 0
        assert (await client.runs.get(waiting.run_id)).state == "QUEUED"
        assert await client.workers.list().all() == []
    end_program(program)


async def test_an_operator_drains_a_worker(own_server: Server) -> None:
    worker = Worker(own_server.address, worker_id="drained", labels={"zone": "a"})
    worker.op("op")(lambda: None)
    async with Client(own_server.address) as client:
        await worker.start()
        found = await client.workers.get("drained")
        assert (found.state, found.ops, found.labels) == ("ATTACHED", ["op"], {"zone": "a"})
        assert (await client.workers.drain("drained")).state == "DRAINING"
        await asyncio.wait_for(worker.wait_closed(), DEADLINE)


def start_program(server: Server, worker_id: str) -> subprocess.Popen[str]:
    """Starts a worker in a process of its own."""
    program = subprocess.Popen(
        [sys.executable, str(PROGRAM), server.address, worker_id], stdout=subprocess.PIPE, text=True
    )
    assert read_line(program) == "ready\n"
    return program


def read_line(program: subprocess.Popen[str]) -> str:
    assert program.stdout is not None
    return program.stdout.readline()


def end_program(program: subprocess.Popen[str]) -> None:
    program.kill()
    program.wait()
    if program.stdout is not None:
        program.stdout.close()
