"""The calls with which people work through the conditions that wait."""

from __future__ import annotations

import datetime
from typing import Any

from signalbox.client.calls import Calls, new_request_id
from signalbox.model.condition import AnswerLink, Condition
from signalbox.model.convert import read, to_duration, to_timestamp
from signalbox.v1 import condition_service_pb2


class Inbox:
    """Taking conditions on, handing them on and putting them off."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def claim(
        self,
        run_id: str,
        name: str,
        *,
        force: bool = False,
        namespace: str | None = None,
        request_id: str | None = None,
        deadline: float | None = None,
    ) -> Condition:
        """Says that the caller is on it; with `force` also if somebody else is. Others still may answer."""
        request = condition_service_pb2.ClaimConditionRequest(
            namespace=self._calls.namespace(namespace),
            run_id=run_id,
            name=name,
            request_id=new_request_id(request_id),
            force=force,
        )
        return await self._change(self._calls.stubs.conditions.ClaimCondition, request, deadline)

    async def release(
        self,
        run_id: str,
        name: str,
        *,
        force: bool = False,
        namespace: str | None = None,
        request_id: str | None = None,
        deadline: float | None = None,
    ) -> Condition:
        """Says that nobody is on it; with `force` also if somebody else is."""
        request = condition_service_pb2.ReleaseConditionRequest(
            namespace=self._calls.namespace(namespace),
            run_id=run_id,
            name=name,
            request_id=new_request_id(request_id),
            force=force,
        )
        return await self._change(self._calls.stubs.conditions.ReleaseCondition, request, deadline)

    async def delegate(
        self,
        run_id: str,
        name: str,
        to: str,
        *,
        namespace: str | None = None,
        request_id: str | None = None,
        deadline: float | None = None,
    ) -> Condition:
        """Hands the caller's right to answer on to another subject."""
        request = condition_service_pb2.DelegateConditionRequest(
            namespace=self._calls.namespace(namespace),
            run_id=run_id,
            name=name,
            request_id=new_request_id(request_id),
            to=to,
        )
        return await self._change(self._calls.stubs.conditions.DelegateCondition, request, deadline)

    async def snooze(
        self,
        run_id: str,
        name: str,
        until: datetime.datetime | None = None,
        *,
        namespace: str | None = None,
        request_id: str | None = None,
        deadline: float | None = None,
    ) -> Condition:
        """Takes it out of sight until a time; without one it is in sight again."""
        request = condition_service_pb2.SnoozeConditionRequest(
            namespace=self._calls.namespace(namespace),
            run_id=run_id,
            name=name,
            request_id=new_request_id(request_id),
        )
        if until is not None:
            request.end_time.CopyFrom(to_timestamp(until))
        return await self._change(self._calls.stubs.conditions.SnoozeCondition, request, deadline)

    async def extend(
        self,
        run_id: str,
        name: str,
        until: datetime.datetime | None = None,
        *,
        namespace: str | None = None,
        request_id: str | None = None,
        deadline: float | None = None,
    ) -> Condition:
        """Moves the time at which it stops waiting; without one it waits without end."""
        request = condition_service_pb2.ExtendConditionRequest(
            namespace=self._calls.namespace(namespace),
            run_id=run_id,
            name=name,
            request_id=new_request_id(request_id),
        )
        if until is not None:
            request.deadline_time.CopyFrom(to_timestamp(until))
        return await self._change(self._calls.stubs.conditions.ExtendCondition, request, deadline)

    async def create_link(
        self,
        run_id: str,
        name: str,
        *,
        subject: str = "",
        lifetime: float | None = None,
        namespace: str | None = None,
        deadline: float | None = None,
    ) -> AnswerLink:
        """Makes a link that answers it once, without other credentials: in the name of the caller, unless a
        `subject` is said, and for `lifetime` seconds, or for as long as it waits.
        """
        request = condition_service_pb2.CreateAnswerLinkRequest(
            namespace=self._calls.namespace(namespace), run_id=run_id, name=name, subject=subject
        )
        if lifetime is not None:
            request.lifetime.CopyFrom(to_duration(lifetime))
        answer = await self._calls.unary(
            self._calls.stubs.conditions.CreateAnswerLink, request, deadline=deadline
        )
        return read(AnswerLink, answer)

    async def _change(self, method: Any, request: Any, deadline: float | None) -> Condition:
        answer = await self._calls.unary(method, request, deadline=deadline)
        return read(Condition, answer.condition)
