"""Registered ops, over a started server."""

from __future__ import annotations

import dataclasses

import pytest
from conftest import DEADLINE, skip_if_unserved

from signalbox import (
    CallFailedError,
    Client,
    Delivery,
    InputSpec,
    InvalidRequestError,
    NotFoundError,
    Op,
    OutputSpec,
    Placement,
    RefusedError,
    Resources,
    RetryPolicy,
    Timeouts,
    Toleration,
    Worker,
)


async def test_an_op_is_registered_and_found_in_each_version(client: Client, op: str) -> None:
    made = await client.ops.register(Op(name=op, description="first", retry=RetryPolicy(max_attempts=2)))
    assert (made.version, made.namespace) == (1, "default")
    assert (
        await client.ops.register(Op(name=op, description="first", retry=RetryPolicy(max_attempts=2)))
    ).version == 1
    assert (await client.ops.register(Op(name=op, description="second"))).version == 2
    assert (await client.ops.get(op)).description == "second"
    assert (await client.ops.get(op, version=1)).description == "first"
    assert op in {found.name async for found in client.ops.list()}
    with pytest.raises(NotFoundError) as caught:
        await client.ops.get(op, version=3)
    assert caught.value.reason == "OP_NOT_FOUND"


async def test_typed_specs_come_back_as_they_were(client: Client, op: str) -> None:
    wanted = Op(
        name=op,
        version_name="1.2.0",
        inputs={
            "path": InputSpec(type="string", required=True, description="where", schema={"minLength": 1}),
            "depth": InputSpec(type="int", required=False, default_value=3),
        },
        outputs={"lines": OutputSpec(type="int")},
        timeouts=Timeouts(start_to_end=60.0),
        resources=Resources(cpu=0.5, ram_mb=100),
        placement=Placement(worker_labels={"zone": "a"}, tolerations=[Toleration("gpu")]),
        delivery=Delivery("ops.count", {"team": "docs"}),
        image="registry.example.com/count:1",
        handler="count:main",
    )
    try:
        await client.ops.register(wanted)
        found = await client.ops.get(op, version_name="1.2.0")
    except CallFailedError as error:
        skip_if_unserved(error)
    same = [field.name for field in dataclasses.fields(Op)]
    for name in set(same) - {"namespace", "version", "create_time", "update_time", "retry", "resources"}:
        assert getattr(found, name) == getattr(wanted, name), name
    assert found.resources is not None
    assert found.resources.cpu == 0.5


async def test_inputs_are_checked_and_completed(client: Client, server_worker: Worker, op: str) -> None:
    seen = []

    @server_worker.op(op)
    def work(path: str, depth: int) -> None:
        seen.append((path, depth))

    try:
        await client.ops.register(
            Op(
                name=op,
                inputs={
                    "path": InputSpec(type="string"),
                    "depth": InputSpec(type="int", required=False, default_value=3),
                },
            )
        )
        await client.ops.validate(op, {"path": "a", "depth": 1})
        assert await client.ops.prepare(op, {"path": "a"}) == {"path": "a", "depth": 3}
        with pytest.raises(InvalidRequestError) as caught:
            await client.ops.validate(op, {"depth": "deep", "more": 1})
        assert caught.value.reason == "INPUTS_INVALID"
        assert len(caught.value.violations) == 3
        with pytest.raises(InvalidRequestError):
            await client.runs.create(op, {"depth": 1})
        async with server_worker:
            run = await client.runs.create(op, {"path": "a"})
            await client.runs.wait(run.run_id, timeout=DEADLINE)
            assert seen == [("a", 3)]
    except CallFailedError as error:
        skip_if_unserved(error)


async def test_an_op_is_changed_and_deleted(client: Client, op: str) -> None:
    await client.ops.register(Op(name=op, description="first", labels={"a": "b"}))
    try:
        changed = await client.ops.update(Op(name=op, description="second"))
        assert (changed.version, changed.description, changed.labels) == (2, "second", {"a": "b"})
        cleared = await client.ops.update(Op(name=op), fields=["labels"])
        assert (cleared.version, cleared.description, cleared.labels) == (3, "second", {})
        run = await client.runs.create(op)
        with pytest.raises(RefusedError) as caught:
            await client.ops.delete(op)
        assert caught.value.reason == "OP_IN_USE"
        await client.runs.cancel(run.run_id)
        assert await client.ops.delete(op) == 3
    except CallFailedError as error:
        skip_if_unserved(error)
    with pytest.raises(NotFoundError):
        await client.ops.get(op)
