"""The worker stream, frame by frame, against a server whose answers a test says."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from scripted import ScriptedServer, Stream

from signalbox import (
    AttemptCancelled,
    AttemptLost,
    Device,
    Refused,
    SyncTaskContext,
    Taint,
    TaskContext,
    Worker,
    WorkerRefused,
    WorkerSuperseded,
)
from signalbox.model.convert import to_duration
from signalbox.v1 import action_pb2, reason_pb2
from signalbox.v1 import worker_service_pb2 as frames
from signalbox.values import to_values


def reference(name: str = "main", epoch: int = 1) -> frames.AttemptReference:
    return frames.AttemptReference(run_id="r", action=name, attempt=1, epoch=epoch)


def assign(*references: frames.AttemptReference, op: str = "op", **inputs: Any) -> dict[str, Any]:
    made = [frames.Assignment(attempt=one, op=op, inputs=to_values(inputs)) for one in references]
    return {"assign": frames.Assign(assignments=made)}


def recorded(report: frames.AttemptReport, reason: str = "") -> dict[str, Any]:
    refusal = reason_pb2.Refusal(reason=reason_pb2.Reason.Value(f"REASON_{reason}")) if reason else None
    answer = frames.RecordedReport(attempt=report.attempt, sequence=report.sequence, refusal=refusal)
    return {"recorded": frames.Recorded(reports=[answer])}


async def hear_report(stream: Stream) -> frames.AttemptReport:
    report = await stream.hear("report")
    assert len(report.reports) == 1
    return report.reports[0]  # type: ignore[no-any-return]


async def started(worker: Worker, scripted: ScriptedServer, **attached: Any) -> Stream:
    starting = asyncio.create_task(worker.start())
    stream = await scripted.stream()
    await stream.attach(**attached)
    await starting
    return stream


async def left(worker: Worker, stream: Stream) -> None:
    """Lets a worker that has nothing left drain and leave."""
    draining = asyncio.create_task(worker.drain())
    assert (await stream.hear("leave")).cause == "drained"
    stream.end()
    await draining


async def test_a_worker_says_who_it_is_and_what_it_has(scripted: ScriptedServer) -> None:
    worker = Worker(
        scripted.address,
        namespace="apart",
        worker_id="w1",
        concurrency=3,
        labels={"zone": "a"},
        cpu=8,
        ram_mb=1000,
        devices=[Device(index=0, vram_mb=24000, kind="gpu"), Device(index=1, vram_mb=8000)],
        taints=[Taint("gpu", "yes")],
        shared_namespaces=["other"],
        token="secret",
    )
    worker.op("op")(lambda: None)
    worker.op("other")(lambda: None)
    starting = asyncio.create_task(worker.start())
    stream = await scripted.stream()
    attach = await stream.attach()
    await starting
    assert (attach.worker_id, attach.namespace, list(attach.ops)) == ("w1", "apart", ["op", "other"])
    assert attach.incarnation
    assert attach.labels == {"zone": "a"}
    assert (attach.capacity.cpu, attach.capacity.ram_mb) == (8, 1000)
    assert [device.vram_mb for device in attach.capacity.devices] == [24000, 8000]
    assert (attach.taints[0].key, list(attach.shared_namespaces)) == ("gpu", ["other"])
    assert scripted.metadata[0]["authorization"] == "Bearer secret"
    assert (await stream.hear("credit")).amount == 3
    await left(worker, stream)


async def test_an_attempt_is_accepted_and_its_reports_are_numbered_from_1(scripted: ScriptedServer) -> None:
    worker = Worker(scripted.address, concurrency=1)
    go_on = asyncio.Event()

    @worker.op("op")
    async def work(ctx: TaskContext, x: int) -> int:
        await go_on.wait()
        ctx.progress(40, "nearly")
        return x + 1

    stream = await started(worker, scripted)
    await stream.hear("credit")
    stream.say(**assign(reference(), x=1))
    assert list((await stream.hear("accept")).attempts) == [reference()]
    go_on.set()
    reports: list[frames.AttemptReport] = []
    while len(reports) < 2:
        reports += (await stream.hear("report")).reports
    assert [report.sequence for report in reports] == [1, 2]
    assert reports[0].progress.percent == 40
    assert reports[1].succeeded.outputs["value"].int_value == 2
    assert (await stream.hear("credit")).amount == 1
    for report in reports:
        stream.say(**recorded(report))
    await left(worker, stream)


async def test_what_is_not_recorded_is_said_again_on_the_next_stream(scripted: ScriptedServer) -> None:
    worker = Worker(scripted.address)

    @worker.op("op")
    async def work(ctx: TaskContext) -> str:
        ctx.log("one")
        return "done"

    stream = await started(worker, scripted)
    stream.say(**assign(reference()))
    first: list[frames.AttemptReport] = []
    while len(first) < 2:
        first += (await stream.hear("report")).reports
    stream.say(**recorded(first[0]))
    stream.end()
    stream = await scripted.stream()
    attach = await stream.attach(keep=[reference()])
    assert list(attach.running) == [reference()]
    again = await hear_report(stream)
    assert again == first[1]
    stream.say(**recorded(again))
    await left(worker, stream)


async def test_an_attempt_that_the_server_drops_is_interrupted_and_says_nothing_more(
    scripted: ScriptedServer,
) -> None:
    worker = Worker(scripted.address)
    reasons: list[object] = []

    @worker.op("op")
    async def work(ctx: TaskContext) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            reasons.append(ctx.cancel_reason)

    stream = await started(worker, scripted)
    stream.say(**assign(reference()))
    await stream.hear("accept")
    stream.end()
    stream = await scripted.stream()
    await stream.attach(drop=[reference()])
    draining = asyncio.create_task(worker.drain())
    assert (await stream.hear("leave")).cause == "drained"
    stream.end()
    await draining
    assert isinstance(reasons[0], AttemptLost)


async def test_a_higher_epoch_ends_the_earlier_lease_and_a_lower_one_is_declined(
    scripted: ScriptedServer,
) -> None:
    worker = Worker(scripted.address, concurrency=3)
    reasons: list[object] = []

    @worker.op("op")
    async def work(ctx: TaskContext, x: int) -> int:
        if x == 1:
            try:
                await asyncio.sleep(60)
            finally:
                reasons.append(ctx.cancel_reason)
        return x

    stream = await started(worker, scripted)
    stream.say(**assign(reference(epoch=5), x=1))
    await stream.hear("accept")
    stream.say(**assign(reference(epoch=4), x=4))
    assert (await stream.hear("decline")).attempt.epoch == 4
    stream.say(**assign(reference(epoch=6), x=6))
    report = (await stream.hear("report")).reports[0]
    assert (report.attempt.epoch, report.succeeded.outputs["value"].int_value) == (6, 6)
    stream.say(**recorded(report))
    await left(worker, stream)
    assert isinstance(reasons[0], AttemptLost)


@pytest.mark.parametrize("reason", ["STALE_EPOCH", "RUN_ENDED", "ACTION_ENDED"])
async def test_a_report_under_an_old_epoch_ends_the_attempt(scripted: ScriptedServer, reason: str) -> None:
    worker = Worker(scripted.address)
    reasons: list[object] = []

    @worker.op("op")
    def work(ctx: SyncTaskContext) -> None:
        ctx.log("here")
        try:
            ctx.sleep(60)
        finally:
            reasons.append(ctx.cancel_reason)

    stream = await started(worker, scripted)
    stream.say(**assign(reference(epoch=4)))
    stream.say(**recorded(await hear_report(stream), reason))
    await left(worker, stream)
    assert isinstance(reasons[0], AttemptLost)


async def test_a_success_that_is_refused_becomes_a_failure(scripted: ScriptedServer) -> None:
    worker = Worker(scripted.address)
    worker.op("op")(lambda: "x")
    stream = await started(worker, scripted)
    stream.say(**assign(reference()))
    stream.say(**recorded(await hear_report(stream), "INVALID_REQUEST"))
    failed = await hear_report(stream)
    assert (failed.sequence, failed.failed.type) == (2, "Refused")
    stream.say(**recorded(failed))
    await left(worker, stream)


async def test_a_cancelled_attempt_says_that_it_stopped(scripted: ScriptedServer) -> None:
    worker = Worker(scripted.address)
    reasons: list[object] = []

    @worker.op("op")
    async def work(ctx: TaskContext) -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            reasons.append(ctx.cancel_reason)
            raise

    stream = await started(worker, scripted)
    stream.say(**assign(reference()))
    await stream.hear("accept")
    cancelled = frames.CancelledAttempt(attempt=reference(), grace=to_duration(2.5), cause="enough")
    stream.say(cancel=frames.Cancel(attempts=[cancelled]))
    report = await hear_report(stream)
    assert report.stopped.message == "the attempt was cancelled: enough"
    assert isinstance(reasons[0], AttemptCancelled)
    assert (reasons[0].grace, reasons[0].cause) == (2.5, "enough")
    stream.say(**recorded(report))
    await left(worker, stream)


async def test_a_cancelled_attempt_may_still_succeed(scripted: ScriptedServer) -> None:
    worker = Worker(scripted.address)

    @worker.op("op")
    def work(ctx: SyncTaskContext) -> str:
        while not ctx.cancelled:
            pass
        return "rather"

    stream = await started(worker, scripted)
    stream.say(**assign(reference()))
    await stream.hear("accept")
    stream.say(cancel=frames.Cancel(attempts=[frames.CancelledAttempt(attempt=reference())]))
    report = await hear_report(stream)
    assert report.succeeded.outputs["value"].string_value == "rather"
    stream.say(**recorded(report))
    await left(worker, stream)


async def test_an_op_that_the_worker_does_not_have_is_declined(scripted: ScriptedServer) -> None:
    worker = Worker(scripted.address)
    worker.op("op")(lambda: None)
    stream = await started(worker, scripted)
    stream.say(**assign(reference(), op="unheard"))
    decline = await stream.hear("decline")
    assert (decline.attempt, decline.cause) == (reference(), "the worker has no op unheard")
    await left(worker, stream)


async def test_a_declined_start_ends_the_attempt(scripted: ScriptedServer) -> None:
    worker = Worker(scripted.address)

    @worker.op("op")
    async def work() -> None:
        await asyncio.sleep(60)

    stream = await started(worker, scripted)
    stream.say(**assign(reference()))
    await stream.hear("accept")
    refusal = reason_pb2.Refusal(reason=reason_pb2.REASON_STALE_EPOCH)
    stream.say(declined=frames.Declined(attempt=reference(), refusal=refusal))
    await left(worker, stream)


async def test_one_that_waits_for_a_child_leaves_its_place_and_asks_again_after_attaching(
    scripted: ScriptedServer,
) -> None:
    worker = Worker(scripted.address, concurrency=1)

    @worker.op("op")
    async def work(ctx: TaskContext) -> Any:
        return (await ctx.task("child", "other", {"x": 1}))["value"]

    stream = await started(worker, scripted)
    assert (await stream.hear("credit")).amount == 1
    stream.say(**assign(reference()))
    asked = await stream.hear("add_actions")
    assert asked.actions[0].name == "child"
    assert (await stream.hear("credit")).amount == 1
    running = action_pb2.Action(name="main/child", state=action_pb2.Action.STATE_RUNNING)
    stream.say(
        actions_added=frames.ActionsAdded(call_id=asked.call_id, attempt=reference(), actions=[running])
    )
    stream.end()
    stream = await scripted.stream()
    await stream.attach(keep=[reference()])
    asked = await stream.hear("add_actions")
    stream.say(
        actions_added=frames.ActionsAdded(call_id=asked.call_id, attempt=reference(), actions=[running])
    )
    ended = action_pb2.Action(
        name="main/child", state=action_pb2.Action.STATE_SUCCEEDED, outputs=to_values({"value": 5})
    )
    stream.say(child_ended=frames.ChildEnded(attempt=reference(), action=ended))
    report = await hear_report(stream)
    assert report.succeeded.outputs["value"].int_value == 5
    stream.say(**recorded(report))
    await left(worker, stream)


async def test_children_asked_for_together_are_told_apart_when_one_is_refused(
    scripted: ScriptedServer,
) -> None:
    worker = Worker(scripted.address)

    @worker.op("op")
    async def work(ctx: TaskContext) -> dict[str, Any]:
        results = await asyncio.gather(
            ctx.task("good", "other"), ctx.task("bad", "other"), return_exceptions=True
        )
        assert isinstance(results[1], Refused)
        return {"good": results[0], "bad": results[1].reason}

    stream = await started(worker, scripted)
    stream.say(**assign(reference()))
    exists = reason_pb2.Refusal(reason=reason_pb2.REASON_ACTION_EXISTS)
    open_names = {"good", "bad"}
    while open_names:
        # They may come in one call or in two; one that holds the bad one is declined as a whole.
        call = await stream.hear("add_actions")
        names = {action.name for action in call.actions}
        answer = frames.ActionsAdded(call_id=call.call_id, attempt=reference())
        if "bad" in names:
            answer.refusal.CopyFrom(exists)
        else:
            answer.actions.add(name="main/good", state=action_pb2.Action.STATE_SUCCEEDED)
        if len(names) == 1:
            open_names -= names
        stream.say(actions_added=answer)
    outputs = (await hear_report(stream)).succeeded.outputs
    assert outputs["bad"].string_value == "ACTION_EXISTS"
    await worker.stop(0)


async def test_a_worker_pulses_and_gives_up_a_silent_stream(scripted: ScriptedServer) -> None:
    worker = Worker(scripted.address)
    worker.op("op")(lambda: None)
    stream = await started(worker, scripted, pulse_interval=0.05)
    for _ in range(3):
        await stream.hear("pulse")
    second = await scripted.stream()
    await second.attach()
    await second.hear("credit")
    await left(worker, second)


async def test_a_pulse_interval_that_makes_no_sense_is_the_usual_one(scripted: ScriptedServer) -> None:
    worker = Worker(scripted.address)

    @worker.op("op")
    async def work(ctx: TaskContext) -> None: ...

    stream = await started(worker, scripted, pulse_interval=-5.0)
    await stream.hear("credit")
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(stream.hear("pulse"), 0.3)


async def test_a_server_that_says_when_to_come_back_is_left_for_a_new_stream_first(
    scripted: ScriptedServer,
) -> None:
    worker = Worker(scripted.address)
    worker.op("op")(lambda: None)
    first = await started(worker, scripted)
    first.say(leave=frames.Leave(cause="stopping", reconnect_after=to_duration(0.01)))
    second = await scripted.stream()
    assert not first.ended.is_set()
    await second.attach()
    await asyncio.wait_for(first.ended.wait(), 10)
    await second.hear("credit")
    await left(worker, second)


async def test_another_process_of_the_same_name_stops_the_worker(scripted: ScriptedServer) -> None:
    worker = Worker(scripted.address)
    worker.op("op")(lambda: None)
    stream = await started(worker, scripted)
    stream.say(leave=frames.Leave(cause="superseded"))
    stream.refuse("SESSION_GONE")
    with pytest.raises(WorkerSuperseded, match="give each process a name of its own"):
        await worker.wait_closed()


async def test_a_session_that_is_gone_for_another_cause_is_opened_again(scripted: ScriptedServer) -> None:
    worker = Worker(scripted.address)
    worker.op("op")(lambda: None)
    stream = await started(worker, scripted)
    stream.say(leave=frames.Leave(cause="evicted"))
    stream.refuse("SESSION_GONE")
    second = await scripted.stream()
    await second.attach()
    await second.hear("credit")
    await left(worker, second)


@pytest.mark.parametrize(
    ("reason", "code"), [("INVALID_REQUEST", "INVALID_ARGUMENT"), ("UNAUTHENTICATED", "UNAUTHENTICATED")]
)
async def test_a_worker_that_the_server_does_not_take_stops(
    scripted: ScriptedServer, reason: str, code: str
) -> None:
    worker = Worker(scripted.address)
    worker.op("op")(lambda: None)
    starting = asyncio.create_task(worker.start())
    stream = await scripted.stream()
    await stream.hear("attach")
    stream.refuse(reason, code)
    with pytest.raises(WorkerRefused, match=reason):
        await starting


async def test_a_worker_whose_token_is_renewed_comes_back(scripted: ScriptedServer) -> None:
    tokens = iter(["old", "gone", "new"])
    worker = Worker(scripted.address, token=lambda: next(tokens))
    worker.op("op")(lambda: None)
    stream = await started(worker, scripted)
    stream.end()
    stream = await scripted.stream()
    await stream.hear("attach")
    stream.refuse("UNAUTHENTICATED", "UNAUTHENTICATED")
    stream = await scripted.stream()
    await stream.attach()
    await stream.hear("credit")
    assert [metadata["authorization"] for metadata in scripted.metadata][2] == "Bearer new"
    await left(worker, stream)


async def test_a_worker_that_drains_takes_nothing_more_and_leaves_when_all_is_recorded(
    scripted: ScriptedServer,
) -> None:
    worker = Worker(scripted.address)
    go_on = asyncio.Event()

    @worker.op("op")
    async def work() -> None:
        await go_on.wait()

    stream = await started(worker, scripted)
    stream.say(**assign(reference()))
    await stream.hear("accept")
    stream.say(drain=frames.Drain())
    await stream.hear("drain")
    stream.say(**assign(reference("late")))
    assert (await stream.hear("decline")).attempt == reference("late")
    go_on.set()
    report = await hear_report(stream)
    closing = asyncio.create_task(worker.wait_closed())
    stream.say(**recorded(report))
    assert (await stream.hear("leave")).cause == "drained"
    stream.end()
    await closing


async def test_a_worker_that_stops_gives_back_what_has_not_finished(scripted: ScriptedServer) -> None:
    worker = Worker(scripted.address)
    ended = asyncio.Event()

    @worker.op("op")
    async def work() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()

    stream = await started(worker, scripted)
    stream.say(**assign(reference()))
    await stream.hear("accept")
    stopping = asyncio.create_task(worker.stop(0.05))
    assert (await stream.hear("leave")).cause == "the worker stops"
    stream.end()
    await stopping
    await asyncio.wait_for(ended.wait(), 10)
