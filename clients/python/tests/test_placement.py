"""Workers, what they have and what tasks ask of them, and limits, over a started server."""

from __future__ import annotations

import asyncio
import threading

import pytest
from conftest import DEADLINE, skip_if_unserved, until

from signalbox import (
    CallFailedError,
    Client,
    Device,
    LabelScope,
    Limit,
    NotFoundError,
    Placement,
    Rate,
    Resources,
    SyncTaskContext,
    Taint,
    Toleration,
    Worker,
)


async def test_a_task_is_given_the_devices_that_it_asks_for(
    client: Client, server_address: str, op: str
) -> None:
    worker = Worker(
        server_address,
        cpu=4,
        ram_mb=1000,
        devices=[Device(index=0, vram_mb=8000, kind="small"), Device(index=1, vram_mb=24000)],
    )
    given: list[tuple[object, object]] = []

    @worker.op(op)
    def work(ctx: SyncTaskContext) -> None:
        given.append((tuple(ctx.device_indexes), ctx.resources))

    async with worker:
        run = await client.runs.create(op, resources=Resources(cpu=1.5, vram_mb=16000))
        await client.runs.wait(run.run_id, timeout=DEADLINE)
        if given and given[0][0] == ():
            pytest.skip("the server does not place by resources")
        assert given == [((1,), Resources(cpu=1.5, vram_mb=16000))]
        found = await client.workers.get(worker.worker_id)
        assert found.capacity is not None
        assert [device.vram_mb for device in found.capacity.devices] == [8000, 24000]


async def test_a_task_that_no_worker_fits_is_explained(client: Client, server_address: str, op: str) -> None:
    worker = Worker(server_address, cpu=1)
    worker.op(op)(lambda: None)
    async with worker:
        run = await client.runs.create(op, resources=Resources(cpu=64))
        try:
            explained = await client.actions.explain(run.run_id)
        except CallFailedError as error:
            skip_if_unserved(error)
        if explained.cause != "NO_WORKER_FITS":
            pytest.skip("the server does not place by resources")
        assert any("cpu" in demand for demand in explained.unmet)
        await client.runs.cancel(run.run_id)


async def test_a_taint_keeps_tasks_away_that_do_not_bear_it(
    client: Client, server_address: str, op: str
) -> None:
    worker = Worker(server_address, labels={"zone": "a"}, taints=[Taint("dedicated", "gpu")])
    worker.op(op)(lambda: "done")
    async with worker:
        bears = Placement(worker_labels={"zone": "a"}, tolerations=[Toleration("dedicated", "gpu")])
        run = await client.runs.create(op, placement=bears)
        assert (await client.runs.wait(run.run_id, timeout=DEADLINE)).outputs == {"value": "done"}
        found = await client.workers.list(labels={"zone": "a"}).all()
        assert worker.worker_id in {one.worker_id for one in found}


async def test_an_evicted_worker_loses_its_attempts_and_attaches_again(
    client: Client, server_address: str, op: str
) -> None:
    worker = Worker(server_address, worker_id=f"evicted-{op}")
    begun = threading.Event()

    @worker.op(op)
    async def work() -> None:
        begun.set()
        await asyncio.sleep(60)

    async with worker:
        run = await client.runs.create(op)
        await asyncio.to_thread(begun.wait, DEADLINE)
        # Before the server knows of the start, the attempt would be queued again.
        while (await client.actions.get(run.run_id)).state != "RUNNING":
            pass
        try:
            assert await client.workers.evict(worker.worker_id, cause="out") == 1
        except CallFailedError as error:
            skip_if_unserved(error)
        ended = await client.runs.wait(run.run_id, timeout=DEADLINE)
        assert ended.error is not None
        assert ended.error.type == "Evicted"
        while True:
            try:
                found = await client.workers.get(worker.worker_id)
            except NotFoundError:
                continue
            if found.state == "ATTACHED":
                break


async def test_a_limit_is_set_found_and_deleted(client: Client, op: str) -> None:
    wanted = Limit(name=op, op=op, concurrent_max=2, rate=Rate(5, 1.0))
    try:
        made = await client.limits.set(wanted)
    except CallFailedError as error:
        skip_if_unserved(error)
    assert (made.op, made.concurrent_max, made.rate) == (op, 2, Rate(5, 1.0))
    assert (made.label, made.whole_namespace, made.namespace) == (None, False, "default")
    assert (await client.limits.get(op)).limit.name == op
    assert op in {limit.name async for limit in client.limits.list()}
    labelled = await client.limits.set(Limit(name=f"{op}-label", label=LabelScope("team"), concurrent_max=1))
    assert labelled.label == LabelScope("team")
    await client.limits.delete(op)
    await client.limits.delete(f"{op}-label")
    with pytest.raises(NotFoundError) as caught:
        await client.limits.get(op)
    assert caught.value.reason == "LIMIT_NOT_FOUND"


async def test_a_limit_holds_back_what_goes_beyond_it(client: Client, server_address: str, op: str) -> None:
    worker = Worker(server_address)
    begun: list[str] = []
    go_on = asyncio.Event()

    @worker.op(op)
    async def work() -> None:
        begun.append("one")
        await go_on.wait()

    try:
        await client.limits.set(Limit(name=op, op=op, concurrent_max=1))
    except CallFailedError as error:
        skip_if_unserved(error)
    async with worker:
        runs = [await client.runs.create(op) for _ in range(3)]
        await until(lambda: len(begun) == 1)
        explained = await client.actions.explain(runs[1].run_id)
        assert (explained.cause, explained.limit) == ("LIMIT_FULL", op)
        assert explained.holders == [f"{runs[0].run_id}/main"]
        assert (await client.limits.get(op)).uses[0].running_count == 1
        go_on.set()
        for run in runs:
            await client.runs.wait(run.run_id, timeout=DEADLINE)
    await client.limits.delete(op)
