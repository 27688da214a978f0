"""The part of the client that is about conditions."""

from __future__ import annotations

import datetime
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from signalbox.client.calls import new_request_id
from signalbox.client.inbox import Inbox
from signalbox.client.pages import Page, Pages
from signalbox.client.watch import Watch, resume
from signalbox.model.condition import Condition, SignalResult
from signalbox.model.convert import enum_number, read, to_duration, to_timestamp
from signalbox.model.event import Event, read_event
from signalbox.v1 import condition_service_pb2, value_pb2
from signalbox.values import PlainValue, name_type, to_value, to_value_of_type


@dataclass(frozen=True, kw_only=True)
class ConditionFrame:
    """One frame of watched conditions."""

    conditions: Sequence[Condition]
    """In the snapshot a page of the open ones, later those that changed, as they stand."""
    gone: Sequence[Condition]
    """Those that a change of assignee, deadline or who may answer took out of what was asked for, as
    they stand. May name one that was never told of."""
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


class Conditions(Inbox):
    """Conditions, across all runs: the inbox of decisions that runs wait for."""

    def list(
        self,
        *,
        run_id: str = "",
        labels: Mapping[str, str] | None = None,
        assignee: str = "",
        due_before: datetime.datetime | None = None,
        op: str = "",
        answerable: bool = False,
        correlation_key: str = "",
        include_snoozed: bool = False,
        include_ended: bool = False,
        order: Literal["AGE", "DUE"] = "AGE",
        namespace: str | None = None,
        deadline: float | None = None,
    ) -> Pages[Condition]:
        """Lists conditions, the open ones that are not snoozed unless asked otherwise, the longest waiting
        first; by `DUE` whose time runs out first. What is said must all hold; a namespace of `-` means all.

        `labels` are those of runs, `assignee` is who is on it, `due_before` bounds when its time runs out,
        `op` is that of the task that asks, and `answerable` wants those that the caller may answer and has
        not.
        """
        wanted = self._filter(
            run_id, labels, assignee, due_before, op, answerable, correlation_key, include_snoozed, namespace
        )
        wanted.include_ended = include_ended

        async def fetch(size: int, token: str) -> Page[Condition]:
            request = condition_service_pb2.ListConditionsRequest(
                filter=wanted,
                page_size=size,
                page_token=token,
                order=enum_number(condition_service_pb2.ListConditionsRequest.Order, order),
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
        comment: str = "",
        instance: int = 0,
        type: type | str | None = None,
        namespace: str | None = None,
        request_id: str | None = None,
        deadline: float | None = None,
    ) -> SignalResult:
        """Answers a condition with a value of its type, once. `by` is who answers and `comment` why, both
        shown and kept; `instance` answers only this opening of it.

        A str, int, float or bool that answers a condition of type `json` needs `type="json"`; all else has
        the type that it is.
        """
        request = condition_service_pb2.SignalConditionRequest(
            run_id=run_id, name=name, value=_to_answer(value, type), instance=instance
        )
        return await self._signal(request, by, comment, namespace, request_id, deadline)

    async def signal_by_key(
        self,
        correlation_key: str,
        value: PlainValue,
        *,
        keep_for: float | None = None,
        by: str = "",
        comment: str = "",
        type: type | str | None = None,
        namespace: str | None = None,
        request_id: str | None = None,
        deadline: float | None = None,
    ) -> SignalResult:
        """Answers the one open condition that has the correlation key, as `signal` does. If none is open, the
        signal waits for one for `keep_for` seconds; without that it is refused.
        """
        request = condition_service_pb2.SignalConditionRequest(
            correlation_key=correlation_key, value=_to_answer(value, type)
        )
        if keep_for is not None:
            request.keep_for.CopyFrom(to_duration(keep_for))
        return await self._signal(request, by, comment, namespace, request_id, deadline)

    async def _signal(
        self,
        request: condition_service_pb2.SignalConditionRequest,
        by: str,
        comment: str,
        namespace: str | None,
        request_id: str | None,
        deadline: float | None,
    ) -> SignalResult:
        request.namespace = self._calls.namespace(namespace)
        request.signalled_by = by
        request.comment = comment
        request.request_id = new_request_id(request_id)
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
        assignee: str = "",
        due_before: datetime.datetime | None = None,
        op: str = "",
        answerable: bool = False,
        correlation_key: str = "",
        include_snoozed: bool = False,
        cursor: str = "",
        namespace: str | None = None,
    ) -> AsyncGenerator[ConditionFrame, None]:
        """Follows conditions without end: first the open ones, then every change; `list` says which can be
        wanted. Resumes by itself when it is cut.
        """
        wanted = self._filter(
            run_id, labels, assignee, due_before, op, answerable, correlation_key, include_snoozed, namespace
        )

        def open_behind(cursor: str) -> Any:
            request = condition_service_pb2.WatchConditionsRequest(filter=wanted, cursor=cursor)
            metadata = self._calls.connector.metadata()
            return self._calls.stubs.conditions.WatchConditions(request, metadata=metadata)

        watch: Watch[condition_service_pb2.WatchConditionsResponse] = Watch(
            open=open_behind,
            is_bookmark=lambda frame: not (frame.snapshot or frame.conditions or frame.gone or frame.events),
        )
        async for frame, restarted in resume(self._calls, watch, cursor):
            yield ConditionFrame(
                conditions=[read(Condition, condition) for condition in frame.conditions],
                gone=[read(Condition, condition) for condition in frame.gone],
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
        assignee: str,
        due_before: datetime.datetime | None,
        op: str,
        answerable: bool,
        correlation_key: str,
        include_snoozed: bool,
        namespace: str | None,
    ) -> condition_service_pb2.ConditionFilter:
        wanted = condition_service_pb2.ConditionFilter(
            namespace=self._calls.namespace(namespace),
            run_id=run_id,
            labels=labels or {},
            assignee=assignee,
            op=op,
            answerable=answerable,
            correlation_key=correlation_key,
            include_snoozed=include_snoozed,
        )
        if due_before is not None:
            wanted.due_before.CopyFrom(to_timestamp(due_before))
        return wanted


def _to_answer(value: PlainValue, kind: type | str | None) -> value_pb2.Value:
    return to_value(value) if kind is None else to_value_of_type(value, name_type(kind))
