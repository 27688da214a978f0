"""The part of the client that is about conditions."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from signalbox.client.calls import Calls, new_request_id
from signalbox.client.pages import Page, Pages
from signalbox.client.watch import Watch, resume
from signalbox.model.condition import Condition, SignalResult
from signalbox.model.convert import read
from signalbox.model.event import Event, read_event
from signalbox.v1 import condition_service_pb2
from signalbox.values import PlainValue, name_type, to_value, to_value_of_type


@dataclass(frozen=True, kw_only=True)
class ConditionFrame:
    """One frame of watched conditions."""

    conditions: Sequence[Condition]
    """In the snapshot a page of the open ones, later those that changed, as they stand."""
    events: Sequence[Event]
    """The events that changed them; empty in a snapshot."""
    cursor: str
    """Where to resume: behind this frame. Empty until the snapshot is complete."""
    snapshot: bool
    """True if the frame belongs to the snapshot with which the watch begins."""
    restarted: bool
    """True if a snapshot that was cut begins again: forget what its earlier frames said."""
    at_head: bool
    """True if nothing committed lay behind the frame when it was made."""


class Conditions:
    """Conditions, across all runs: the inbox of decisions that runs wait for."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def list(
        self,
        *,
        run_id: str = "",
        labels: Mapping[str, str] | None = None,
        include_ended: bool = False,
        namespace: str | None = None,
        deadline: float | None = None,
    ) -> Pages[Condition]:
        """Lists conditions, the open ones unless asked otherwise, the longest waiting first."""
        wanted = self._filter(run_id, labels, namespace, include_ended)

        async def fetch(size: int, token: str) -> Page[Condition]:
            request = condition_service_pb2.ListConditionsRequest(
                filter=wanted, page_size=size, page_token=token
            )
            answer = await self._calls.unary(
                self._calls.stubs.conditions.ListConditions, request, deadline=deadline
            )
            return Page([read(Condition, one) for one in answer.conditions], answer.next_page_token)

        return Pages(fetch)

    async def get(
        self, run_id: str, name: str, *, namespace: str | None = None, deadline: float | None = None
    ) -> Condition:
        """Reads a condition by its run and its whole name, such as `main/approve`."""
        request = condition_service_pb2.GetConditionRequest(
            namespace=self._calls.namespace(namespace), run_id=run_id, name=name
        )
        answer = await self._calls.unary(
            self._calls.stubs.conditions.GetCondition, request, deadline=deadline
        )
        return read(Condition, answer.condition)

    async def signal(
        self,
        run_id: str,
        name: str,
        value: PlainValue,
        *,
        by: str = "",
        type: type | str | None = None,
        namespace: str | None = None,
        request_id: str | None = None,
        deadline: float | None = None,
    ) -> SignalResult:
        """Answers a condition with a value of its type, once. `by` is who answers, shown and kept.

        A str, int, float or bool that answers a condition of type `json` needs `type="json"`; all else has
        the type that it is.
        """
        sent = to_value(value) if type is None else to_value_of_type(value, name_type(type))
        request = condition_service_pb2.SignalConditionRequest(
            namespace=self._calls.namespace(namespace),
            run_id=run_id,
            name=name,
            value=sent,
            signalled_by=by,
            request_id=new_request_id(request_id),
        )
        answer = await self._calls.unary(
            self._calls.stubs.conditions.SignalCondition, request, deadline=deadline
        )
        condition = read(Condition, answer.condition) if answer.HasField("condition") else None
        return SignalResult(condition=condition, kept=answer.kept, repeated=answer.repeated)

    async def watch(
        self,
        *,
        run_id: str = "",
        labels: Mapping[str, str] | None = None,
        cursor: str = "",
        namespace: str | None = None,
    ) -> AsyncGenerator[ConditionFrame, None]:
        """Follows conditions without end: first the open ones, then every change. Resumes by itself when it
        is cut.
        """
        wanted = self._filter(run_id, labels, namespace)

        def open_behind(cursor: str) -> Any:
            request = condition_service_pb2.WatchConditionsRequest(filter=wanted, cursor=cursor)
            metadata = self._calls.connector.metadata()
            return self._calls.stubs.conditions.WatchConditions(request, metadata=metadata)

        watch: Watch[condition_service_pb2.WatchConditionsResponse] = Watch(
            open=open_behind,
            is_bookmark=lambda frame: not (frame.snapshot or frame.conditions or frame.events),
        )
        async for frame, restarted in resume(self._calls, watch, cursor):
            yield ConditionFrame(
                conditions=[read(Condition, condition) for condition in frame.conditions],
                events=[read_event(event) for event in frame.events],
                cursor=frame.cursor,
                snapshot=frame.snapshot,
                restarted=restarted,
                at_head=frame.at_head,
            )

    def _filter(
        self,
        run_id: str,
        labels: Mapping[str, str] | None,
        namespace: str | None,
        include_ended: bool = False,
    ) -> condition_service_pb2.ConditionFilter:
        return condition_service_pb2.ConditionFilter(
            namespace=self._calls.namespace(namespace),
            run_id=run_id,
            labels=labels or {},
            include_ended=include_ended,
        )
