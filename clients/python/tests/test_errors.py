"""What calls raise, and how often they are tried."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from pathlib import Path
from typing import Any, cast

import pytest
from conftest import within
from scripted import ScriptedServer
from server import Server

from signalbox import CallFailedError, Client, RefusedError, RetryTimes, Tls, UnavailableError
from signalbox.client.channel import read_address


@pytest.mark.parametrize(
    ("address", "target", "is_tls"),
    [
        ("localhost", "localhost:7233", False),
        ("localhost:80", "localhost:80", False),
        ("http://localhost:1234/", "localhost:1234", False),
        ("https://box.example.com", "box.example.com:443", True),
        ("[::1]:7233", "[::1]:7233", False),
    ],
)
def test_an_address_is_read(address: str, target: str, is_tls: bool) -> None:
    assert read_address(address) == (target, is_tls)


@pytest.mark.parametrize("address", ["ftp://a", "http://a/path", "", "http://"])
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="an address is"):
        read_address(address)


async def test_a_server_that_stays_away_is_unavailable() -> None:
    async with Client("127.0.0.1:1", retry=RetryTimes(call=0.3)) as client:
        with pytest.raises(UnavailableError, match=r"no answer from the server at 127\.0\.0\.1:1") as caught:
            await client.runs.get("a")
        assert caught.value.attempts > 1
        with pytest.raises(UnavailableError):
            async for _ in client.events.watch():
                pass


async def test_a_call_is_carried_out_once_by_a_server_that_is_killed_and_started(own_server: Server) -> None:
    async with Client(own_server.address, retry=within(60)) as client:
        first = await client.runs.create("nobody")
        own_server.kill()
        call = asyncio.create_task(client.runs.create("nobody", run_id="second"))
        await asyncio.sleep(0)
        own_server.start()
        assert (await call).run_id == "second"
        assert {run.run_id async for run in client.runs.list()} == {first.run_id, "second"}


async def test_a_call_waits_as_long_as_the_server_asks_and_keeps_its_request_id(
    scripted: ScriptedServer,
) -> None:
    scripted.fail("STOPPING", code="UNAVAILABLE", retry_delay=0.2, times=2)
    async with Client(scripted.address) as client:
        before = asyncio.get_running_loop().time()
        await client.runs.cancel("a")
        assert asyncio.get_running_loop().time() - before >= 0.4
    ids = [request.request_id for request in scripted.requests]
    assert len(ids) == 3
    assert len(set(ids)) == 1
    assert ids[0]


async def test_every_call_has_a_deadline_and_says_who_calls(scripted: ScriptedServer) -> None:
    async with Client(scripted.address, token=lambda: "secret") as client:
        await client.runs.get("a")
        await client.runs.cancel("a", deadline=3)
    assert [metadata["authorization"] for metadata in scripted.metadata] == ["Bearer secret"] * 2
    assert all(0 < left < 11 for left in scripted.time_left)
    assert scripted.time_left[1] < 4


async def test_a_refusal_carries_its_facts_and_is_not_tried_again(scripted: ScriptedServer) -> None:
    scripted.fail("RUN_ENDED", code="FAILED_PRECONDITION", facts={"state": "FAILED"}, times=1)
    async with Client(scripted.address) as client:
        with pytest.raises(RefusedError) as caught:
            await client.runs.cancel("a")
    assert (caught.value.reason, caught.value.facts) == ("RUN_ENDED", {"state": "FAILED"})
    assert caught.value.violations == ()
    assert len(scripted.requests) == 1


async def test_a_fault_of_the_server_is_told_as_one(scripted: ScriptedServer) -> None:
    scripted.fail("", code="INTERNAL", times=1)
    async with Client(scripted.address) as client:
        with pytest.raises(CallFailedError) as caught:
            await client.runs.cancel("a")
    assert caught.value.code == "INTERNAL"


def make_certificate(folder: Path) -> tuple[bytes, bytes]:
    """A key, and a certificate for box.test; skips the test where there is no openssl."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not there to make a certificate")
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    command = [
        openssl,
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "1",
        "-subj",
        "/CN=box.test",
    ]
    command += ["-addext", "subjectAltName=DNS:box.test", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True)
    return key.read_bytes(), certificate.read_bytes()


async def test_a_server_with_tls_is_reached_by_whom_its_certificate_is_trusted(
    tmp_path: Path,
) -> None:
    key, certificate = make_certificate(tmp_path)
    server: ScriptedServer = cast(Any, ScriptedServer)()
    await server.start(tls=(key, certificate))
    try:
        tls = Tls(root_certificates=certificate, server_name="box.test")
        async with Client(f"https://{server.address}", tls=tls) as client:
            assert (await client.runs.get("a")).run_id == "a"
        async with Client(f"https://{server.address}", retry=RetryTimes(call=0)) as client:
            with pytest.raises(UnavailableError):
                await client.runs.get("a")
    finally:
        await server.close()
