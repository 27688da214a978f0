"""The part of the client that is about runs."""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from signalbox.client.calls import new_request_id
from signalbox.client.pages import Page, Pages
from signalbox.client.run_changes import RunChanges
from signalbox.client.watch import Watch, resume
from signalbox.errors import RefusedError, read_refusal
from signalbox.limits import RUNS_PER_BATCH_MAX
from signalbox.model.action import Action
from signalbox.model.convert import enum_number, read, to_timestamp
from signalbox.model.event import Event, read_event
from signalbox.model.op import Delivery, RetryPolicy, Timeouts
from signalbox.model.resource import Placement, Resources
from signalbox.model.run import Run
from signalbox.plan import Inputs, NewRun, PlannedAction
from signalbox.plan import run as plan_run
from signalbox.v1 import run_pb2, run_service_pb2


@dataclass(frozen=True, kw_only=True)
class RunFrame:
    """One frame of a watched run."""

    run: Run | None
    """The run as it stands; None in a bookmark."""
    actions: Sequence[Action]
    """In the snapshot a page of its actions, later those that changed, as they stand."""
    events: Sequence[Event]
    """The events of one transaction; empty in a snapshot or a bookmark."""
    cursor: str
    """Where to resume: behind this frame. Empty until the snapshot is complete."""
    snapshot: bool
    """True if the frame belongs to the snapshot with which the watch begins."""
    restarted: bool
    """True if a snapshot that was cut begins again: forget what its earlier frames said."""
    ended: bool
    """True in the last frame."""


class Runs(RunChanges):
    """Runs and their actions."""

    async def create(
        self,
        op: str | None = None,
        inputs: Inputs | None = None,
        *,
        plan: Sequence[PlannedAction] | None = None,
        run_id: str = "",
        labels: Mapping[str, str] | None = None,
        priority: int = 0,
        timeout: float | None = None,
        delivery: Delivery | None = None,
        op_version: int = 0,
        retry: RetryPolicy | None = None,
        timeouts: Timeouts | None = None,
        cancel_grace: float | None = None,
        resources: Resources | None = None,
        placement: Placement | None = None,
        image: str = "",
        handler: str = "",
        namespace: str | None = None,
        request_id: str | None = None,
        deadline: float | None = None,
    ) -> Run:
        """Creates a run: of one task, by its `op`, or of a plan. It is durable when this returns.

        `signalbox.plan.run` says what each argument means. `timeout` is the run's, `deadline` the call's.
        """
        new_run = plan_run(
            op,
            inputs,
            plan=plan,
            run_id=run_id,
            labels=labels,
            priority=priority,
            timeout=timeout,
            delivery=delivery,
            op_version=op_version,
            retry=retry,
            timeouts=timeouts,
            cancel_grace=cancel_grace,
            resources=resources,
            placement=placement,
            image=image,
            handler=handler,
            namespace=self._calls.namespace(namespace),
        )
        request = run_service_pb2.CreateRunRequest(run=new_run, request_id=new_request_id(request_id))
        answer = await self._calls.unary(self._calls.stubs.runs.CreateRun, request, deadline=deadline)
        return read(Run, answer.run)

    async def create_many(
        self, runs: Sequence[NewRun], *, deadline: float | None = None
    ) -> Sequence[Run | RefusedError]:
        """Creates many runs, made by `signalbox.plan.run`, each by itself; gives what became of each, in
        their order.
        """
        results: list[Run | RefusedError] = []
        for start in range(0, len(runs), RUNS_PER_BATCH_MAX):
            requests = [self._request(run) for run in runs[start : start + RUNS_PER_BATCH_MAX]]
            request = run_service_pb2.BatchCreateRunsRequest(requests=requests)
            answer = await self._calls.unary(
                self._calls.stubs.runs.BatchCreateRuns, request, deadline=deadline
            )
            for result in answer.results:
                is_run = result.WhichOneof("result") == "run"
                results.append(read(Run, result.run) if is_run else read_refusal(result.refusal))
        return results

    async def get(self, run_id: str, *, namespace: str | None = None, deadline: float | None = None) -> Run:
        """Reads a run. Raises NotFoundError."""
        request = run_service_pb2.GetRunRequest(namespace=self._calls.namespace(namespace), run_id=run_id)
        answer = await self._calls.unary(self._calls.stubs.runs.GetRun, request, deadline=deadline)
        return read(Run, answer.run)

    def list(
        self,
        *,
        states: Sequence[str] = (),
        labels: Mapping[str, str] | None = None,
        paused_only: bool = False,
        op: str = "",
        image: str = "",
        created_from: datetime.datetime | None = None,
        created_after: datetime.datetime | None = None,
        created_until: datetime.datetime | None = None,
        created_before: datetime.datetime | None = None,
        starting_after: str = "",
        namespace: str | None = None,
        deadline: float | None = None,
    ) -> Pages[Run]:
        """Lists runs, the newest first; a namespace of `-` means all.

        `created_from` and `created_until` take in the moment that they say, `created_after` and
        `created_before` do not; `starting_after` begins behind a run.
        """
        wanted = run_service_pb2.RunFilter(
            namespace=self._calls.namespace(namespace),
            states=[enum_number(run_pb2.Run.State, state) for state in states],
            labels=labels or {},
            paused_only=paused_only,
            op=op,
            image=image,
        )
        times = (
            (wanted.created_from, created_from),
            (wanted.created_after, created_after),
            (wanted.created_until, created_until),
            (wanted.created_before, created_before),
        )
        for bound, time in times:
            if time is not None:
                bound.CopyFrom(to_timestamp(time))

        async def fetch(size: int, token: str) -> Page[Run]:
            request = run_service_pb2.ListRunsRequest(
                filter=wanted,
                page_size=size,
                page_token=token,
                starting_after="" if token else starting_after,
            )
            answer = await self._calls.unary(self._calls.stubs.runs.ListRuns, request, deadline=deadline)
            return Page([read(Run, run) for run in answer.runs], answer.next_page_token)

        return Pages(fetch)

    async def watch(
        self, run_id: str, *, cursor: str = "", namespace: str | None = None
    ) -> AsyncGenerator[RunFrame, None]:
        """Follows a run: first its state, then every change, until it has ended. Resumes by itself when it is
        cut.
        """
        request = run_service_pb2.WatchRunRequest(namespace=self._calls.namespace(namespace), run_id=run_id)

        def open_behind(cursor: str) -> Any:
            request.cursor = cursor
            return self._calls.stubs.runs.WatchRun(request, metadata=self._calls.connector.metadata())

        watch: Watch[run_service_pb2.WatchRunResponse] = Watch(
            open=open_behind,
            is_bookmark=lambda frame: (
                not (frame.ended or frame.HasField("run") or frame.actions or frame.events)
            ),
            is_last=lambda frame: frame.ended,
        )
        async for frame, restarted in resume(self._calls, watch, cursor):
            yield RunFrame(
                run=read(Run, frame.run) if frame.HasField("run") else None,
                actions=[read(Action, action) for action in frame.actions],
                events=[read_event(event) for event in frame.events],
                cursor=frame.cursor,
                snapshot=frame.snapshot,
                restarted=restarted,
                ended=frame.ended,
            )

    async def wait(self, run_id: str, *, timeout: float | None = None, namespace: str | None = None) -> Run:
        """Waits for the end of a run and gives it as it ended, however that was.

        Raises TimeoutError when it has not ended after so many seconds; without end if not said.
        """

        async def follow() -> Run:
            last: Run | None = None
            frames = self.watch(run_id, namespace=namespace)
            try:
                async for frame in frames:
                    last = frame.run or last
            finally:
                await frames.aclose()
            return last or await self.get(run_id, namespace=namespace)

        try:
            return await asyncio.wait_for(follow(), timeout)
        except asyncio.TimeoutError:
            raise TimeoutError(f"the run {run_id} has not ended within {timeout} s") from None

    def _request(self, run: NewRun) -> run_service_pb2.CreateRunRequest:
        request = run_service_pb2.CreateRunRequest(run=run, request_id=new_request_id(None))
        request.run.namespace = run.namespace or self._calls.default_namespace
        return request
