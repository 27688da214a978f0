"""The client of a Signalbox server."""

from __future__ import annotations

from types import TracebackType

from signalbox.client.actions import Actions
from signalbox.client.calls import Calls
from signalbox.client.channel import DEFAULT_ADDRESS, Connector
from signalbox.client.conditions import Conditions
from signalbox.client.events import Events
from signalbox.client.limits import Limits
from signalbox.client.ops import Ops
from signalbox.client.options import RetryTimes, Tls, Token
from signalbox.client.runs import Runs
from signalbox.client.stubs import Stubs
from signalbox.client.subscriptions import Subscriptions
from signalbox.client.workers import Workers
from signalbox.limits import CALL_ATTEMPT_TIMEOUT


class Client:
    """A client of a Signalbox server over plain Python values, for asyncio:

        async with Client("localhost:7233") as client:
            run = await client.runs.create(op="count", inputs={"path": "notes.txt"})
            run = await client.runs.wait(run.run_id)

    It may be used by any number of tasks of one event loop at a time, over one connection that is opened with
    the first call and again whenever it is lost. What the server declines is raised as a RefusedError; when
    it stays away for longer than the retry time, calls raise an UnavailableError. Every call that changes
    something has a `request_id`, so that trying again never does a thing twice.

    Durations are in seconds, times are datetimes in UTC, states and kinds are names such as `"SUCCEEDED"`.
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
        """Makes a client. Nothing is sent before its first call.

        `address` is `host:port`, `http://…` or `https://…`, which turns on TLS; `namespace` is that of calls
        that name none; `token` is sent with every call as `authorization: Bearer`; `timeout` is how long one
        try of a call may take.
        """
        connector = Connector(address, tls=tls, token=token)
        self._calls = Calls(connector, namespace=namespace, timeout=timeout, retry=retry or RetryTimes())
        self.runs: Runs = Runs(self._calls)
        """Runs: create, wait, watch, cancel, retry."""
        self.actions: Actions = Actions(self._calls)
        """The actions of runs, their attempts and timelines, and why they do not run."""
        self.conditions: Conditions = Conditions(self._calls)
        """Conditions: the inbox of decisions, and signals."""
        self.events: Events = Events(self._calls)
        """The feed."""
        self.ops: Ops = Ops(self._calls)
        """Registered operations."""
        self.workers: Workers = Workers(self._calls)
        """Workers, as the server knows them."""
        self.limits: Limits = Limits(self._calls)
        """Limits on how many tasks run at once."""
        self.subscriptions: Subscriptions = Subscriptions(self._calls)
        """Durable subscriptions to events."""

    @property
    def stubs(self) -> Stubs:
        """The generated stubs, for calls over messages of `signalbox.v1`. To be used in the event loop of the
        client.
        """
        return self._calls.stubs

    async def close(self) -> None:
        """Closes the connection: what is open fails, and a later call opens it again."""
        await self._calls.close()

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()
