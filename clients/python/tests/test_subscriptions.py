"""Durable subscriptions, over a started server."""

from __future__ import annotations

import asyncio

import pytest
from conftest import DEADLINE, skip_if_unserved, within
from server import Server

from signalbox import (
    CallFailedError,
    Client,
    EventFilter,
    NewEvent,
    NotFoundError,
    RefusedError,
    Subscription,
    SyncClient,
    Webhook,
)


async def subscribe(client: Client, name: str, **options: object) -> None:
    """Makes a subscription to what is published, or skips the test."""
    wanted = Subscription(name=name, filter=EventFilter(kinds=["PUBLISHED"]), **options)  # type: ignore[arg-type]
    try:
        made = await client.subscriptions.create(wanted)
    except CallFailedError as error:
        skip_if_unserved(error)
    assert (made.pull, list(made.filter.kinds)) == (True, ["PUBLISHED"])


async def publish(client: Client, *types: str) -> None:
    for one in types:
        await client.events.publish(NewEvent(source="test", type=one))


async def test_a_subscription_is_made_found_and_deleted(client: Client, op: str) -> None:
    await subscribe(client, op)
    found = await client.subscriptions.get(op)
    assert found.status is not None
    assert op in {one.name async for one in client.subscriptions.list()}
    with pytest.raises(RefusedError) as caught:
        await client.subscriptions.create(Subscription(name=op, filter=EventFilter(kinds=["RUN_ENDED"])))
    assert caught.value.reason == "SUBSCRIPTION_EXISTS"
    assert await client.subscriptions.dead_letters(op).all() == []
    assert await client.subscriptions.release(op) == 0
    await client.subscriptions.delete(op)
    with pytest.raises(NotFoundError):
        await client.subscriptions.get(op)
    with pytest.raises(NotFoundError):
        async for _ in client.subscriptions.consume(op):
            pass


async def test_what_is_acknowledged_is_not_delivered_again_and_what_is_not_is(
    client: Client, op: str
) -> None:
    await subscribe(client, op)
    await publish(client, "one", "two", "three")
    async with client.subscriptions.consume(op) as deliveries:
        seen = []
        async for delivery in deliveries:
            seen.append(delivery.event.detail["type"])
            if len(seen) == 3:
                break
            assert await delivery.ack()
        assert seen == ["one", "two", "three"]
    async with client.subscriptions.consume(op) as deliveries:
        delivery = await asyncio.wait_for(deliveries.__anext__(), DEADLINE)
        assert delivery.event.detail["type"] == "three"
        await delivery.ack()
    await client.subscriptions.delete(op)


async def test_what_is_rejected_comes_again_under_the_same_id(client: Client, op: str) -> None:
    await subscribe(client, op)
    await publish(client, "one")
    async with client.subscriptions.consume(op) as deliveries:
        first = await asyncio.wait_for(deliveries.__anext__(), DEADLINE)
        await first.reject(delay=0.01, cause="not now")
        second = await asyncio.wait_for(deliveries.__anext__(), DEADLINE)
        assert second.event.event_id == first.event.event_id
        assert second.delivery_count == 2
        assert await second.ack()
    await client.subscriptions.delete(op)


async def test_a_consumer_goes_on_when_the_server_is_killed_and_started(own_server: Server) -> None:
    async with Client(own_server.address, retry=within(60)) as client:
        await subscribe(client, "mail")
        await publish(client, *(str(number) for number in range(20)))
        seen: list[str] = []
        async with client.subscriptions.consume("mail") as deliveries:
            async for delivery in deliveries:
                seen.append(delivery.event.detail["type"])
                if len(seen) == 10:
                    own_server.kill()
                    own_server.start()
                await delivery.ack()
                if seen[-1] == "19":
                    break
        assert list(dict.fromkeys(seen)) == [str(number) for number in range(20)]


async def test_events_of_a_run_come_one_at_a_time_unless_pipelined(client: Client, op: str) -> None:
    await subscribe(client, op)
    run = await client.runs.create("nobody")
    for number in range(3):
        await client.events.publish(NewEvent(source="test", type=str(number), run_id=run.run_id))
    async with client.subscriptions.consume(op) as deliveries:
        await asyncio.wait_for(deliveries.__anext__(), DEADLINE)
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(deliveries.__anext__(), 0.3)
    async with client.subscriptions.consume(op, pipelined=True) as deliveries:
        taken = [await asyncio.wait_for(deliveries.__anext__(), DEADLINE) for _ in range(3)]
        assert [delivery.event.detail["type"] for delivery in taken] == ["0", "1", "2"]
        assert all(await asyncio.gather(*(delivery.ack() for delivery in taken)))
    await client.subscriptions.delete(op)
    await client.runs.cancel(run.run_id)


async def test_a_consumer_ends_with_its_subscription(client: Client, op: str) -> None:
    await subscribe(client, op)
    await publish(client, "one")
    async for delivery in client.subscriptions.consume(op):
        await delivery.ack()
        await client.subscriptions.delete(op)


async def test_a_webhook_shows_its_secret_once(client: Client, op: str) -> None:
    hook = Subscription(name=op, webhook=Webhook(url="https://example.com/hook"))
    try:
        made = await client.subscriptions.create(hook)
    except CallFailedError as error:
        skip_if_unserved(error)
    except RefusedError as refused:
        assert refused.reason == "ADDRESS_FORBIDDEN"
        return
    assert made.webhook is not None
    assert made.webhook.secret
    found = await client.subscriptions.get(op)
    assert found.webhook is not None
    assert found.webhook.secret == ""
    await client.subscriptions.delete(op)


def test_the_sync_client_consumes_too(server_address: str, op: str) -> None:
    with SyncClient(server_address) as client:
        wanted = Subscription(name=op, filter=EventFilter(kinds=["PUBLISHED"]))
        try:
            client.subscriptions.create(wanted)
        except CallFailedError as error:
            skip_if_unserved(error)
        client.events.publish(NewEvent(source="test", type="one"), NewEvent(source="test", type="two"))
        seen = []
        with client.subscriptions.consume(op) as deliveries:
            for delivery in deliveries:
                seen.append(delivery.event.detail["type"])
                assert delivery.ack()
                if len(seen) == 2:
                    break
        assert seen == ["one", "two"]
        client.subscriptions.delete(op)
