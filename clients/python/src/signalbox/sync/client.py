"""The client for code without asyncio."""

from __future__ import annotations

from types import TracebackType

from signalbox.background import run_in_background
from signalbox.client.actions import Actions
from signalbox.client.channel import DEFAULT_ADDRESS
from signalbox.client.client import Client
from signalbox.client.conditions import Conditions
from signalbox.client.events import Events
from signalbox.client.limits import Limits
from signalbox.client.ops import Ops
from signalbox.client.options import RetryTimes, Tls, Token
from signalbox.client.runs import Runs
from signalbox.client.subscriptions import Subscriptions
from signalbox.client.workers import Workers
from signalbox.limits import CALL_ATTEMPT_TIMEOUT
from signalbox.sync.consumer import SyncConsumer
from signalbox.sync.facade import Facade, follows, lists, waits


class SyncRuns(Facade[Runs]):
    """Runs."""

    create = waits(Runs.create)
    create_many = waits(Runs.create_many)
    get = waits(Runs.get)
    list = lists(Runs.list)
    watch = follows(Runs.watch)
    wait = waits(Runs.wait)
    cancel = waits(Runs.cancel)
    retry = waits(Runs.retry)
    rerun = waits(Runs.rerun)
    update = waits(Runs.update)


class SyncActions(Facade[Actions]):
    """The actions of runs, their attempts and timelines."""

    list = lists(Actions.list)
    get = waits(Actions.get)
    attempts = waits(Actions.attempts)
    explain = waits(Actions.explain)
    timeline = lists(Actions.timeline)
    end = waits(Actions.end)


class SyncConditions(Facade[Conditions]):
    """Conditions, across all runs."""

    list = lists(Conditions.list)
    get = waits(Conditions.get)
    signal = waits(Conditions.signal)
    signal_by_key = waits(Conditions.signal_by_key)
    claim = waits(Conditions.claim)
    release = waits(Conditions.release)
    delegate = waits(Conditions.delegate)
    snooze = waits(Conditions.snooze)
    extend = waits(Conditions.extend)
    create_link = waits(Conditions.create_link)
    watch = follows(Conditions.watch)


class SyncEvents(Facade[Events]):
    """The feed."""

    list = lists(Events.list)
    watch = follows(Events.watch)
    describe = waits(Events.describe)
    publish = waits(Events.publish)


class SyncOps(Facade[Ops]):
    """The registry of operations."""

    register = waits(Ops.register)
    get = waits(Ops.get)
    list = lists(Ops.list)
    update = waits(Ops.update)
    delete = waits(Ops.delete)
    validate = waits(Ops.validate)
    prepare = waits(Ops.prepare)


class SyncWorkers(Facade[Workers]):
    """The workers that are attached or whose leases run."""

    list = lists(Workers.list)
    get = waits(Workers.get)
    drain = waits(Workers.drain)
    evict = waits(Workers.evict)


class SyncLimits(Facade[Limits]):
    """Limits on how many tasks run at once."""

    set = waits(Limits.set)
    get = waits(Limits.get)
    list = lists(Limits.list)
    delete = waits(Limits.delete)


class SyncSubscriptions(Facade[Subscriptions]):
    """Durable subscriptions to events."""

    create = waits(Subscriptions.create)
    get = waits(Subscriptions.get)
    list = lists(Subscriptions.list)
    delete = waits(Subscriptions.delete)
    dead_letters = lists(Subscriptions.dead_letters)
    release = waits(Subscriptions.release)

    def consume(
        self,
        name: str,
        *,
        in_flight_max: int = 0,
        pipelined: bool = False,
        consumer_id: str = "",
        namespace: str | None = None,
    ) -> SyncConsumer:
        """Consumes a subscription: `for delivery in client.subscriptions.consume("mail"): …;
        delivery.ack()`.
        """
        return SyncConsumer(
            lambda: self._part.consume(
                name,
                in_flight_max=in_flight_max,
                pipelined=pipelined,
                consumer_id=consumer_id,
                namespace=namespace,
            )
        )


class SyncClient:
    """A client of a Signalbox server for code without asyncio:

        with SyncClient("localhost:7233") as client:
            run = client.runs.create(op="count", inputs={"path": "notes.txt"})
            run = client.runs.wait(run.run_id)

    It does what `Client` does, with the same arguments, and waits; lists are iterables and watches iterators.
    Any number of threads may use it.
    """

    def __init__(
        self,
        address: str = DEFAULT_ADDRESS,
        *,
        namespace: str = "default",
        token: Token | None = None,
        tls: Tls | bool | None = None,
        timeout: float = CALL_ATTEMPT_TIMEOUT,
        retry: RetryTimes | None = None,
    ) -> None:
        """Makes a client, with the options of `Client`. Nothing is sent before its first call."""
        client = Client(address, namespace=namespace, token=token, tls=tls, timeout=timeout, retry=retry)
        self._client = client
        self.runs: SyncRuns = SyncRuns(client.runs)
        self.actions: SyncActions = SyncActions(client.actions)
        self.conditions: SyncConditions = SyncConditions(client.conditions)
        self.events: SyncEvents = SyncEvents(client.events)
        self.ops: SyncOps = SyncOps(client.ops)
        self.workers: SyncWorkers = SyncWorkers(client.workers)
        self.limits: SyncLimits = SyncLimits(client.limits)
        self.subscriptions: SyncSubscriptions = SyncSubscriptions(client.subscriptions)

    def close(self) -> None:
        """Closes the connection: what is open fails, and a later call opens it again."""
        run_in_background(self._client.close())

    def __enter__(self) -> SyncClient:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
