"""Tokens: who calls, over a server that asks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import DEADLINE
from server import Server, new_token

from signalbox import Client, RefusedError, Worker, WorkerRefused


@pytest.fixture(scope="module")
def token(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Server]]:
    """A token, and a server that knows it."""
    file = tmp_path_factory.mktemp("tokens") / "tokens.json"
    made = new_token(file, "ci", "deployers")
    started = Server("--tokens-file", str(file))
    yield made, started
    started.close()


async def test_a_caller_without_a_token_is_refused(token: tuple[str, Server]) -> None:
    async with Client(token[1].address) as client:
        with pytest.raises(RefusedError) as caught:
            await client.runs.list().page()
        assert (caught.value.reason, caught.value.code) == ("UNAUTHENTICATED", "UNAUTHENTICATED")
        with pytest.raises(RefusedError):
            async for _ in client.events.watch():
                pass
    worker = Worker(token[1].address, token="sbx_wrong")
    worker.op("op")(lambda: None)
    with pytest.raises(WorkerRefused):
        await worker.start()


async def test_a_caller_with_its_token_is_served(token: tuple[str, Server], tmp_path: Path) -> None:
    secret = tmp_path / "token"
    secret.write_text(token[0])
    worker = Worker(token[1].address, token=secret.read_text)
    worker.op("op")(lambda: "done")
    async with worker, Client(token[1].address, token=token[0]) as client:
        run = await client.runs.create("op")
        assert (await client.runs.wait(run.run_id, timeout=DEADLINE)).outputs == {"value": "done"}
