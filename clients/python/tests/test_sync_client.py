"""The client for code without asyncio."""

from __future__ import annotations

import asyncio
import threading

import pytest
from conftest import DEADLINE

from signalbox import Client, NewEvent, NotFoundError, SyncClient, SyncTaskContext, Worker, plan


def test_a_run_is_made_followed_answered_and_found(server_address: str, op: str) -> None:
    worker = Worker(server_address)

    @worker.op(op)
    def ask(ctx: SyncTaskContext, question: str) -> str:
        return f"{question} {ctx.condition('answer', str)}"

    serving = threading.Thread(target=worker.run)
    serving.start()
    try:
        with SyncClient(server_address) as client:
            run = client.runs.create(op, {"question": "who?"}, labels={"sync": op})
            kinds = []
            for frame in client.runs.watch(run.run_id):
                kinds += [event.kind for event in frame.events]
                for action in frame.actions:
                    if action.kind == "CONDITION" and action.state == "PAUSED":
                        client.conditions.signal(run.run_id, action.name, "carol")
            assert "RUN_ENDED" in kinds
            ended = client.runs.wait(run.run_id, timeout=DEADLINE)
            assert ended.outputs == {"value": "who? carol"}
            assert [found.run_id for found in client.runs.list(labels={"sync": op})] == [run.run_id]
            assert client.actions.list(run.run_id).page(size=1).next_page_token
    finally:
        worker.request_drain()
        serving.join(DEADLINE)


def test_a_watch_that_is_left_ends(server_address: str, op: str) -> None:
    with SyncClient(server_address) as client:
        for number, _ in enumerate(client.events.watch(start="beginning")):
            if number == 1:
                break
        client.events.publish(NewEvent(source="t", type=op))
        with pytest.raises(NotFoundError):
            for _ in client.runs.watch("nowhere"):
                pass


def test_many_threads_use_one_client(server_address: str, op: str) -> None:
    with SyncClient(server_address) as client:
        run = client.runs.create(plan=[plan.condition(f"c{number}", int) for number in range(10)])
        threads = [
            threading.Thread(target=client.conditions.signal, args=(run.run_id, f"c{number}", number))
            for number in range(10)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(DEADLINE)
        assert client.runs.wait(run.run_id, timeout=DEADLINE).state == "SUCCEEDED"


async def test_it_can_be_used_beside_an_event_loop(server_address: str) -> None:
    with SyncClient(server_address) as client:
        page = await asyncio.to_thread(client.runs.list().page)
        assert page.items is not None


def test_an_async_client_may_be_used_in_one_event_loop_after_another(server_address: str, op: str) -> None:
    client = Client(server_address)
    run = asyncio.run(client.runs.create(op))
    assert asyncio.run(client.runs.cancel(run.run_id)).state == "CANCELLED"
