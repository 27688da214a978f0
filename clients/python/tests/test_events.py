"""The feed, over a started server."""

from __future__ import annotations

import pytest
from conftest import within
from server import Server

from signalbox import Client, NewEvent, RefusedError, plan


async def test_published_events_are_in_the_feed_in_their_order(client: Client, op: str) -> None:
    run = await client.runs.create(op, labels={"feed": op})
    await client.events.publish(
        NewEvent(source="test", type="one", payload={"n": 1}, attributes={"k": "v"}, run_id=run.run_id),
        NewEvent(source="test", type="two", run_id=run.run_id, action="main"),
    )
    one, two = await client.events.list(run_id=run.run_id, kinds=["PUBLISHED"]).all()
    assert one.detail == {"source": "test", "type": "one", "payload": {"n": 1}, "attributes": {"k": "v"}}
    assert (two.detail["type"], two.detail["payload"], two.action) == ("two", None, "main")
    assert one.event_id < two.event_id
    assert one.run_labels == {"feed": op}
    assert one.create_time is not None
    await client.runs.cancel(run.run_id)


async def test_a_watch_from_the_beginning_goes_on_with_what_happens(client: Client, op: str) -> None:
    run = await client.runs.create(op)
    seen = []
    async for frame in client.events.watch(run_id=run.run_id, start="beginning"):
        seen += [event.kind for event in frame.events]
        if frame.at_head and "RUN_ENDED" not in seen and "RUN_CREATED" in seen:
            await client.runs.cancel(run.run_id)
        if "RUN_ENDED" in seen:
            break
    assert seen[0] == "RUN_CREATED"


async def test_a_watch_goes_on_exactly_behind_a_cursor(client: Client, op: str) -> None:
    run = await client.runs.create(op)
    every = []
    for number in range(3):
        await client.events.publish(NewEvent(source="t", type=str(number), run_id=run.run_id))
    async for frame in client.events.watch(run_id=run.run_id, kinds=["PUBLISHED"], start="beginning"):
        every += [(event.event_id, frame.cursor) for event in frame.events]
        if len(every) == 3:
            break
    async for frame in client.events.watch(run_id=run.run_id, kinds=["PUBLISHED"], cursor=every[0][1]):
        if frame.events:
            assert [event.event_id for event in frame.events] == [every[1][0]]
            break
    with pytest.raises(RefusedError) as caught:
        async for _ in client.events.watch(run_id=run.run_id, cursor=every[0][1]):
            break
    assert caught.value.reason == "FILTER_CHANGED"
    await client.runs.cancel(run.run_id)


async def test_a_snapshot_has_the_runs_as_they_stand_and_then_comes_what_happens(
    client: Client, op: str
) -> None:
    run = await client.runs.create(plan=[plan.condition("go", bool)], labels={"feed": op})
    over = await client.runs.create(plan=[plan.condition("go", bool)], labels={"feed": op})
    await client.runs.cancel(over.run_id)
    runs = []
    kinds = []
    async for frame in client.events.watch(labels={"feed": op}, snapshot="live-runs"):
        assert not frame.restarted
        runs += [(found.run_id, found.state) for found in frame.runs]
        kinds += [event.kind for event in frame.events]
        if frame.snapshot and frame.cursor:
            await client.conditions.signal(run.run_id, "go", True)
        if "RUN_ENDED" in kinds:
            break
    assert runs == [(run.run_id, "RUNNING")]
    assert kinds[0] == "CONDITION_ANSWERED"
    async for frame in client.events.watch(labels={"feed": op}, snapshot="all-runs"):
        if frame.snapshot:
            assert {found.run_id for found in frame.runs} == {run.run_id, over.run_id}
            break


async def test_an_expression_says_what_else_must_be_true_of_an_event(client: Client, op: str) -> None:
    run = await client.runs.create(plan=[plan.condition("a", int), plan.condition("b", int)])
    await client.conditions.signal(run.run_id, "a", 1, by="ann")
    await client.conditions.signal(run.run_id, "b", 2, by="ben")
    wanted = 'event.kind == "condition_answered" && event.condition_answered.signalled_by == "ben"'
    found = await client.events.list(run_id=run.run_id, expression=wanted).all()
    assert [event.action for event in found] == ["b"]
    async for frame in client.events.watch(run_id=run.run_id, expression=wanted, start="beginning"):
        if frame.events:
            assert [event.event_id for event in frame.events] == [event.event_id for event in found]
            break
    with pytest.raises(RefusedError) as caught:
        await client.events.list(expression="event.").page()
    assert caught.value.reason == "FILTER_INVALID"


async def test_a_feed_says_what_it_is(client: Client, op: str) -> None:
    before = await client.events.describe()
    await client.runs.create(op)
    after = await client.events.describe()
    assert after.feed_epoch == before.feed_epoch != ""
    assert after.head_position > before.head_position >= after.oldest_position
    assert after.epoch_time is not None


async def test_a_watch_misses_and_repeats_nothing_when_the_server_is_killed(own_server: Server) -> None:
    async with Client(own_server.address, retry=within(60)) as client:
        seen: list[str] = []
        ids: list[str] = []
        published = 0
        async for frame in client.events.watch(kinds=["PUBLISHED"], start="beginning"):
            seen += [event.detail["type"] for event in frame.events]
            ids += [event.event_id for event in frame.events]
            if len(seen) == 9:
                break
            if len(seen) == published:
                if published in (3, 6):
                    own_server.kill()
                    own_server.start()
                for _ in range(3):
                    await client.events.publish(NewEvent(source="t", type=str(published)))
                    published += 1
        assert seen == [str(number) for number in range(9)]
        assert ids == sorted(set(ids))


async def test_a_watch_misses_and_repeats_nothing_when_the_server_is_stopped(own_server: Server) -> None:
    async with Client(own_server.address, retry=within(60)) as client:
        run = await client.runs.create("nobody")
        kinds: list[str] = []
        async for frame in client.runs.watch(run.run_id):
            kinds += [event.kind for event in frame.events]
            if frame.snapshot and frame.cursor:
                own_server.stop()
                own_server.start()
                await client.runs.update(run.run_id, priority=5)
                await client.runs.cancel(run.run_id)
        assert kinds[0] == "RUN_UPDATED"
        assert kinds.count("RUN_UPDATED") == 1
        assert kinds[-1] == "RUN_ENDED"
