"""The calls that change runs, or do them again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from signalbox.client.calls import Calls, new_request_id
from signalbox.model.convert import enum_number, read
from signalbox.model.run import ConditionReplay, Rerun, Run
from signalbox.v1 import replay_pb2, run_service_pb2


class RunChanges:
    """Ending runs, changing them and doing them again."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def cancel(
        self,
        run_id: str,
        *,
        cause: str = "",
        namespace: str | None = None,
        request_id: str | None = None,
        deadline: float | None = None,
    ) -> Run:
        """Ends a run, and everything in it that has not ended; running attempts have their grace."""
        request = run_service_pb2.CancelRunRequest(
            namespace=self._calls.namespace(namespace),
            run_id=run_id,
            cause=cause,
            request_id=new_request_id(request_id),
        )
        answer = await self._calls.unary(self._calls.stubs.runs.CancelRun, request, deadline=deadline)
        return read(Run, answer.run)

    async def retry(
        self,
        run_id: str,
        *,
        force: bool = False,
        all: bool = False,
        replay: ConditionReplay | None = None,
        replay_by_condition: Mapping[str, ConditionReplay] | None = None,
        namespace: str | None = None,
        request_id: str | None = None,
        deadline: float | None = None,
    ) -> Run:
        """Opens an ended run again: what did not succeed gets new attempts.

        `force` allows what the policy does not, and does a run that succeeded again; `all` does everything
        again, and takes `force` along. `replay` says what becomes of answers that conditions had, which stay
        unless `all` asks again; `replay_by_condition` says it of single ones, by their whole names.
        """
        request = run_service_pb2.RetryRunRequest(
            namespace=self._calls.namespace(namespace),
            run_id=run_id,
            force=force or all,
            all=all,
            replay=_number(replay),
            replay_by_condition=_numbers(replay_by_condition),
            request_id=new_request_id(request_id),
        )
        answer = await self._calls.unary(self._calls.stubs.runs.RetryRun, request, deadline=deadline)
        return read(Run, answer.run)

    async def rerun(
        self,
        run_id: str,
        *,
        new_run_id: str = "",
        again: Sequence[str] = (),
        replay: ConditionReplay | None = None,
        replay_by_condition: Mapping[str, ConditionReplay] | None = None,
        labels: Mapping[str, str] | None = None,
        priority: int | None = None,
        namespace: str | None = None,
        request_id: str | None = None,
        deadline: float | None = None,
    ) -> Rerun:
        """Creates a run that does an ended one over: what succeeded there is RECOVERED with its outputs,
        unless it is named in `again` or waits for something that is.

        `replay` says what becomes of answers that conditions had, which count unless said; `labels` are set
        beside those of the earlier run, and `priority` takes the place of that one's.
        """
        request = replay_pb2.RerunRunRequest(
            namespace=self._calls.namespace(namespace),
            run_id=run_id,
            new_run_id=new_run_id,
            again=again,
            replay=_number(replay),
            replay_by_condition=_numbers(replay_by_condition),
            labels=labels or {},
            priority=priority,
            request_id=new_request_id(request_id),
        )
        answer = await self._calls.unary(self._calls.stubs.runs.RerunRun, request, deadline=deadline)
        return read(Rerun, answer)

    async def update(
        self,
        run_id: str,
        *,
        priority: int | None = None,
        set_labels: Mapping[str, str] | None = None,
        remove_labels: Sequence[str] = (),
        namespace: str | None = None,
        request_id: str | None = None,
        deadline: float | None = None,
    ) -> Run:
        """Changes a run's priority or labels."""
        request = run_service_pb2.UpdateRunRequest(
            namespace=self._calls.namespace(namespace),
            run_id=run_id,
            priority=priority,
            set_labels=set_labels or {},
            remove_labels=remove_labels,
            request_id=new_request_id(request_id),
        )
        answer = await self._calls.unary(self._calls.stubs.runs.UpdateRun, request, deadline=deadline)
        return read(Run, answer.run)


def _number(replay: ConditionReplay | None) -> replay_pb2.ConditionReplay.ValueType:
    number: replay_pb2.ConditionReplay.ValueType = enum_number(
        replay_pb2.ConditionReplay, replay or "UNSPECIFIED"
    )
    return number


def _numbers(
    replays: Mapping[str, ConditionReplay] | None,
) -> dict[str, replay_pb2.ConditionReplay.ValueType]:
    return {name: _number(replay) for name, replay in (replays or {}).items()}
