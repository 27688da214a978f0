"""Workers."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import logging
import secrets
import signal
import threading
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, TypeVar

from signalbox.background import background_loop
from signalbox.client.channel import DEFAULT_ADDRESS, Connector
from signalbox.client.options import Tls, Token
from signalbox.limits import CONCURRENCY_MAX, STOP_GRACE
from signalbox.model.convert import write
from signalbox.model.resource import Capacity, Device, Taint
from signalbox.v1.worker_service_pb2 import Assignment, Attach
from signalbox.worker.attempt import Places
from signalbox.worker.bounds import check_op_name
from signalbox.worker.errors import Refused
from signalbox.worker.function import OpFunction
from signalbox.worker.held import HeldAttempt
from signalbox.worker.name_worker import name_worker
from signalbox.worker.runner import Runner
from signalbox.worker.session import Session
from signalbox.worker.threads import Threads

F = TypeVar("F", bound=Callable[..., Any])


class Worker:
    """A worker executes tasks for a Signalbox server:

        worker = Worker("localhost:7233")

        @worker.op("publish")
        async def publish(ctx: TaskContext, path: str) -> dict[str, str]:
            text = await ctx.step("render", render, path)
            ctx.progress(50, "rendered")
            if not await ctx.condition("approve", bool, prompt=f"Publish {path}?"):
                raise NonRetryableError("nobody wanted it")
            return await ctx.task("upload", "upload", {"text": text})

        worker.run()

    Async functions run in the event loop that started the worker, sync ones in threads; its session with the
    server lives on a thread of its own, so that a task which keeps the event loop busy keeps its lease. If
    the server is away, tasks run on, the worker attaches again for as long as it takes, keeps its attempts,
    and says again what was not yet durable. So a task runs once for each attempt unless the worker itself
    dies or is away for longer than its lease.
    """

    def __init__(
        self,
        address: str = DEFAULT_ADDRESS,
        *,
        namespace: str = "default",
        worker_id: str | None = None,
        concurrency: int = 10,
        labels: Mapping[str, str] | None = None,
        cpu: float | None = None,
        ram_mb: int | None = None,
        devices: Sequence[Device] = (),
        taints: Sequence[Taint] = (),
        shared_namespaces: Sequence[str] = (),
        token: Token | None = None,
        tls: Tls | bool | None = None,
        log: logging.Logger | None = None,
    ) -> None:
        """Makes a worker. It does nothing before it is told its ops and started.

        `worker_id` is its name, unique in the namespace: a new process under a name takes the place of the
        old one, which then stops; made of host, process and chance if not said. `concurrency` is how many
        attempts run at once; one that waits in `ctx.task` or `ctx.condition` leaves its place to another.
        `cpu`, `ram_mb` and `devices` are what tasks can ask for; `shared_namespaces` are further ones whose
        tasks it takes. `log` is where it says what happens to its session; the logger `signalbox.worker`
        unless said.
        """
        if not 1 <= concurrency <= CONCURRENCY_MAX:
            raise ValueError(f"concurrency is {concurrency}, and is to be 1 to {CONCURRENCY_MAX}")
        self.worker_id: str = worker_id or name_worker()
        """Its name."""
        self._connector = Connector(address, tls=tls, token=token)
        self._concurrency = concurrency
        self._log = log or logging.getLogger("signalbox.worker")
        self._functions: dict[str, OpFunction] = {}
        self._identity = Attach(
            worker_id=self.worker_id,
            incarnation=secrets.token_hex(12),
            namespace=namespace,
            labels=labels or {},
            taints=[write(taint) for taint in taints],
            shared_namespaces=shared_namespaces,
        )
        if cpu is not None or ram_mb is not None or devices:
            self._identity.capacity.CopyFrom(write(Capacity(cpu=cpu, ram_mb=ram_mb, devices=devices)))
        self._io: asyncio.AbstractEventLoop | None = None
        self._session: Session | None = None
        self._runner: Runner | None = None
        self._attached: concurrent.futures.Future[None] = concurrent.futures.Future()
        self._closed: concurrent.futures.Future[None] = concurrent.futures.Future()

    def op(self, name: str) -> Callable[[F], F]:
        """Says which function runs tasks of an op; all are named before the worker starts.

        The function gets the context, if its first parameter is called `ctx` or `context`, and the inputs as
        keyword arguments. A dict that it returns is outputs by name, None is no outputs, and anything else
        the output `value`. What it raises fails the attempt, and the task's retry policy decides what
        follows; a NonRetryableError fails the action for good. It may be called again for a later attempt, so
        that what it does to the outside must bear being done twice, or be a `ctx.step`.
        """
        check_op_name(name)

        def register(function: F) -> F:
            if self._session is not None:
                raise RuntimeError(f"the op {name} comes too late: the worker has started")
            if name in self._functions:
                raise ValueError(f"the worker has a function for {name} already")
            self._functions[name] = OpFunction(name, function)
            return function

        return register

    async def start(self) -> None:
        """Attaches and takes work; returns when the server has first answered."""
        if self._session is not None or self._closed.done():
            raise RuntimeError("a worker is started once")
        if not self._functions:
            raise RuntimeError("the worker has no ops; name some before it starts")
        self._identity.ops.extend(self._functions)
        places = Places(asyncio.get_running_loop(), Threads())
        self._io = background_loop()
        opened: concurrent.futures.Future[None] = concurrent.futures.Future()

        def open_session() -> None:
            self._session = Session(self._connector, self._identity, self._concurrency, _Events(self))
            self._runner = Runner(self._functions, self._session, places, self._log)
            self._session.start()
            opened.set_result(None)

        self._io.call_soon_threadsafe(open_session)
        await asyncio.wrap_future(opened)
        await asyncio.shield(asyncio.wrap_future(self._attached))

    async def wait_closed(self) -> None:
        """Waits until the worker has stopped. Raises why, if it stopped for a reason that needs somebody's
        attention: WorkerSuperseded or WorkerRefused.
        """
        await asyncio.shield(asyncio.wrap_future(self._closed))

    def request_drain(self) -> None:
        """Asks the worker to take no more work and to leave when what runs has ended. May be called from
        anywhere.
        """
        if self._io is None:
            self._finish(None)
        else:
            self._io.call_soon_threadsafe(self._drain)

    async def drain(self) -> None:
        """Takes no more work, lets what runs finish and be recorded, however long that takes, and leaves."""
        self.request_drain()
        await self.wait_closed()

    async def stop(self, grace: float = STOP_GRACE) -> None:
        """Like `drain`, but what has not finished within so many seconds is interrupted and given back: its
        attempt counts as failed, and the retry policy decides what follows.
        """
        self.request_drain()
        try:
            await asyncio.wait_for(self.wait_closed(), grace)
        except asyncio.TimeoutError:
            self._log.warning("worker %s stops before everything has ended", self.worker_id)
            if self._io is not None:
                self._io.call_soon_threadsafe(self._leave)
            await self.wait_closed()

    async def serve(self) -> None:
        """Starts the worker and waits until it has stopped. In the main thread, SIGTERM and SIGINT drain it,
        and a second one stops it at once.
        """
        loop = asyncio.get_running_loop()
        caught = []
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):
                with contextlib.suppress(NotImplementedError):
                    loop.add_signal_handler(number, self._on_signal)
                    caught.append(number)
        try:
            await self.start()
            await self.wait_closed()
        finally:
            for number in caught:
                loop.remove_signal_handler(number)
            if not self._closed.done():
                await self.stop(0)

    def run(self) -> None:
        """Runs the worker until it has stopped, in an event loop of its own; see `serve`."""
        asyncio.run(self.serve())

    async def __aenter__(self) -> Worker:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not self._closed.done():
            await self.stop()

    _signals = 0

    def _on_signal(self) -> None:
        self._signals += 1
        if self._signals == 1:
            self._log.info("worker %s drains", self.worker_id)
            self.request_drain()
        elif self._io is not None:
            self._io.call_soon_threadsafe(self._leave)

    # On the session's loop.

    def _drain(self) -> None:
        if self._session is not None:
            self._session.drain()

    def _leave(self) -> None:
        if self._runner is not None:
            self._runner.give_back()
        if self._session is not None:
            self._session.leave("the worker stops")

    def _finish(self, failure: BaseException | None) -> None:
        if self._closed.done():
            return
        if self._runner is not None:
            self._runner.give_back()
        for future in (self._attached, self._closed):
            if future.done():
                continue
            if failure is None:
                future.set_result(None)
            else:
                future.set_exception(failure)


class _Events:
    """What a worker's session tells, for its log and its runner."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._log = worker._log

    def attached(self, session_id: str, lease: float, kept_count: int) -> None:
        self._log.info("worker %s is attached and keeps %d attempts", self._worker.worker_id, kept_count)
        if not self._worker._attached.done():
            self._worker._attached.set_result(None)

    def detached(self, cause: str, retry: float) -> None:
        told = "worker %s has lost its server and attaches again in %.1f s: %s"
        self._log.warning(told, self._worker.worker_id, retry, cause)

    def assigned(self, taken: Sequence[tuple[HeldAttempt, Assignment]]) -> None:
        if self._worker._runner is not None:
            self._worker._runner.start(taken)

    def draining(self) -> None:
        self._log.info("worker %s is asked by its server to drain", self._worker.worker_id)

    def declined(self, refusal: Refused) -> None:
        self._log.warning("the server declined what worker %s said: %s", self._worker.worker_id, refusal)

    def lost(self, held: HeldAttempt, cause: str) -> None:
        reference = held.reference
        told = "worker %s has lost the attempt %d of %s of run %s: %s"
        self._log.warning(
            told, self._worker.worker_id, reference.attempt, reference.action, reference.run_id, cause
        )

    def ended(self, failure: BaseException | None) -> None:
        if failure is None:
            self._log.info("worker %s has left", self._worker.worker_id)
        else:
            self._log.error("worker %s has stopped: %s", self._worker.worker_id, failure)
        self._worker._finish(failure)
