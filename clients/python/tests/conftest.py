"""What tests share: a server for all that leave it running, and one for each that does not."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, cast

import pytest
from scripted import ScriptedServer
from server import Server

from signalbox import CallFailedError, Client, RetryTimes, Worker

DEADLINE = 30.0
"""Seconds that anything in a test may take."""

_numbers = itertools.count()


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A server that tests share and leave running."""
    started = Server("--lease-ms", "5000")
    yield started
    started.close()


@pytest.fixture
def own_server() -> Iterator[Server]:
    """A server that a test may kill."""
    started = Server("--lease-ms", "5000")
    yield started
    started.close()


@pytest.fixture
async def client(server: Server) -> AsyncIterator[Client]:
    """A client of the shared server."""
    async with Client(server.address) as made:
        yield made


@pytest.fixture
def op() -> str:
    """A name for an op that no other test has."""
    return f"op-{next(_numbers)}"


def within(seconds: float = DEADLINE) -> RetryTimes:
    """Retry times for tests that bring the server down."""
    return RetryTimes(call=seconds, watch=seconds)


async def until(check: Callable[[], bool]) -> None:
    """Waits until something holds that is changed by another task."""

    async def poll() -> None:
        while not check():
            await asyncio.sleep(0.01)

    await asyncio.wait_for(poll(), DEADLINE)


async def paused(client: Client, run_id: str, name: str) -> None:
    """Waits until a condition of a run waits for its signal."""
    async for frame in client.conditions.watch(run_id=run_id):
        if any(condition.name == name and condition.is_open for condition in frame.conditions):
            return


def skip_if_unserved(error: CallFailedError) -> None:
    """Skips a test of a call that the server does not serve."""
    if error.code == "UNIMPLEMENTED":
        pytest.skip("the server does not serve this call")
    raise error


@pytest.fixture
async def scripted() -> AsyncIterator[ScriptedServer]:
    """A server whose answers a test says one by one."""
    # The calls that no test scripts are left out.
    started: ScriptedServer = cast(Any, ScriptedServer)()
    await started.start()
    yield started
    await started.close()


@pytest.fixture
def server_address(server: Server) -> str:
    """Where the shared server is."""
    return server.address


@pytest.fixture
def server_worker(server: Server) -> Worker:
    """A worker of the shared server, to be told its ops and started."""
    return Worker(server.address)
