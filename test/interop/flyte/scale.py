"""50,000 actions in one run: complete pages, a watch that shows each once, answers that arrive at once.

FLYTE_SCALE says how many, for a short try.
"""

import asyncio
import os
import time

import pytest
from conftest import DOMAIN, IS_STAND_IN, Condition
from flyte.remote import Action
from flyteidl2.actions.actions_service_connect import ActionsServiceClient
from flyteidl2.actions.actions_service_pb2 import WatchForUpdatesRequest
from flyteidl2.common.identifier_pb2 import ActionIdentifier, RunIdentifier
from flyteidl2.workflow.run_service_connect import RunServiceClient
from flyteidl2.workflow.run_service_pb2 import EventPayload, SignalEventRequest, WatchActionsRequest

COUNT = int(os.environ.get("FLYTE_SCALE", "50000"))
RUN = "scale"
BATCH = 5_000
SIGNALS = 500
WAIT_MS_MAX = 50
RUN_ID = RunIdentifier(project="seeded", domain=DOMAIN, name=RUN)


@pytest.fixture(scope="module")
def names(server, seed):
    """The names of the conditions below a0; with a0 there are COUNT actions.

    All but the last BATCH of them are answered: a run has 10,000 open actions at most.
    """
    made = []
    while len(made) < COUNT - 1:
        size = min(BATCH, COUNT - 1 - len(made))
        batch = seed.run(RUN, [(f"c{len(made) + number}", "int") for number in range(size)])
        made += batch
        if len(made) < COUNT - 1 and not IS_STAND_IN:
            asyncio.run(answer_all(server, batch))
    return made


async def answer_all(server, names):
    """Answers conditions, a few at a time."""
    client = RunServiceClient(server.address)
    left = list(names)

    async def answer():
        while left:
            await client.signal_event(
                SignalEventRequest(
                    action_id=ActionIdentifier(run=RUN_ID, name=left.pop()), payload=EventPayload(int_value=1)
                )
            )

    await asyncio.gather(*(answer() for _ in range(32)))


def test_the_pages_of_a_listing_hold_every_action_once(names):
    began = time.monotonic()
    found = [one.name for one in Action.listall(for_run_name=RUN)]
    print(f"\n{len(found)} actions in pages of 100 in {time.monotonic() - began:.1f} s")
    assert len(found) == COUNT
    assert set(found) == {"a0", *names}


def test_the_pages_of_the_conditions_hold_every_one_once(names):
    began = time.monotonic()
    found = [one.action_name for one in Condition.listall(run_name=RUN, limit=200)]
    print(f"\n{len(found)} conditions in pages of 200 in {time.monotonic() - began:.1f} s")
    assert len(found) == COUNT - 1
    assert set(found) == set(names)


async def closed(stream):
    """Ends a stream that its reader has had enough of."""
    if hasattr(stream, "aclose"):
        await stream.aclose()


@pytest.mark.skipif(IS_STAND_IN, reason="needs a Signalbox server")
def test_a_watch_shows_every_action_once_and_then_each_change(server, names):
    async def follow():
        client = RunServiceClient(server.address)
        stream = client.watch_actions(WatchActionsRequest(run_id=RUN_ID))
        began, shown = time.monotonic(), []
        answered = names[-1000:-980]
        async for message in stream:
            shown += [one.action.id.name for one in message.enriched_actions]
            if len(shown) >= COUNT:
                break
        print(f"\n{len(shown)} actions watched in {time.monotonic() - began:.1f} s")
        assert len(shown) == COUNT
        assert set(shown) == {"a0", *names}
        for name in answered:
            await client.signal_event(
                SignalEventRequest(
                    action_id=ActionIdentifier(run=RUN_ID, name=name), payload=EventPayload(int_value=1)
                )
            )
        changes = []
        async for message in stream:
            found = [one.action for one in message.enriched_actions if one.action.id.name != "a0"]
            changes += [(one.id.name, one.status.phase) for one in found]
            if len(changes) >= len(answered):
                break
        await closed(stream)
        return answered, changes

    answered, changes = asyncio.run(asyncio.wait_for(follow(), 120))
    assert sorted(changes) == sorted((name, 5) for name in answered)


@pytest.mark.skipif(IS_STAND_IN, reason="needs a Signalbox server")
def test_an_answer_reaches_who_waits_within_50_ms(server, names):
    async def measure():
        signals, waits = RunServiceClient(server.address), ActionsServiceClient(server.address)
        parent = ActionIdentifier(run=RUN_ID, name="a0")
        stream = waits.watch_for_updates(WatchForUpdatesRequest(parent_action_id=parent))
        arrived, is_ready = {}, asyncio.Event()

        async def wait():
            async for message in stream:
                if message.control_message.sentinel:
                    is_ready.set()
                elif message.action_update.HasField("value"):
                    future = arrived.get(message.action_update.action_id.name)
                    if future is not None and not future.done():
                        future.set_result((time.perf_counter(), message.action_update.value))

        waiter = asyncio.create_task(wait())
        await asyncio.wait_for(is_ready.wait(), 60)
        took = []
        for number, name in enumerate(names[-SIGNALS:]):
            arrived[name] = asyncio.get_running_loop().create_future()
            began = time.perf_counter()
            request = SignalEventRequest(
                action_id=ActionIdentifier(run=RUN_ID, name=name), payload=EventPayload(int_value=number)
            )
            await signals.signal_event(request)
            ended, value = await asyncio.wait_for(arrived[name], 30)
            assert value.scalar.primitive.integer == number
            took.append((ended - began) * 1000)
        waiter.cancel()
        return sorted(took)

    took = asyncio.run(asyncio.wait_for(measure(), 300))
    p99 = took[int(len(took) * 0.99)]
    median, most = took[len(took) // 2], took[-1]
    print(f"\nfrom signal to waiter: median {median:.1f} ms, p99 {p99:.1f} ms, most {most:.1f} ms")
    assert p99 < WAIT_MS_MAX
