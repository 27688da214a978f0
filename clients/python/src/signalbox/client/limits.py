"""The part of the client that is about limits on how many tasks run at once."""

from __future__ import annotations

import dataclasses

from signalbox.client.calls import Calls, new_request_id
from signalbox.client.pages import Page, Pages
from signalbox.model.convert import read, write
from signalbox.model.limit import Limit, LimitInUse, LimitUse
from signalbox.v1 import limit_service_pb2


class Limits:
    """Limits on how many tasks run at once, and on how often they start."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def set(
        self, limit: Limit, *, request_id: str | None = None, deadline: float | None = None
    ) -> Limit:
        """Makes a limit, or changes the one of its name. It holds from the next assignment on."""
        namespace = limit.namespace or self._calls.default_namespace
        request = limit_service_pb2.SetLimitRequest(
            limit=write(dataclasses.replace(limit, namespace=namespace)),
            request_id=new_request_id(request_id),
        )
        answer = await self._calls.unary(self._calls.stubs.limits.SetLimit, request, deadline=deadline)
        return read(Limit, answer.limit)

    async def get(
        self, name: str, *, namespace: str | None = None, deadline: float | None = None
    ) -> LimitInUse:
        """Reads a limit, and how much of it is in use."""
        request = limit_service_pb2.GetLimitRequest(namespace=self._calls.namespace(namespace), name=name)
        answer = await self._calls.unary(self._calls.stubs.limits.GetLimit, request, deadline=deadline)
        return LimitInUse(limit=read(Limit, answer.limit), uses=[read(LimitUse, use) for use in answer.uses])

    def list(self, *, namespace: str | None = None, deadline: float | None = None) -> Pages[Limit]:
        """Lists the limits of a namespace, by name."""

        async def fetch(size: int, token: str) -> Page[Limit]:
            request = limit_service_pb2.ListLimitsRequest(
                namespace=self._calls.namespace(namespace), page_size=size, page_token=token
            )
            answer = await self._calls.unary(self._calls.stubs.limits.ListLimits, request, deadline=deadline)
            return Page([read(Limit, limit) for limit in answer.limits], answer.next_page_token)

        return Pages(fetch)

    async def delete(
        self,
        name: str,
        *,
        namespace: str | None = None,
        request_id: str | None = None,
        deadline: float | None = None,
    ) -> None:
        """Deletes a limit; what waited for it may be assigned."""
        request = limit_service_pb2.DeleteLimitRequest(
            namespace=self._calls.namespace(namespace), name=name, request_id=new_request_id(request_id)
        )
        await self._calls.unary(self._calls.stubs.limits.DeleteLimit, request, deadline=deadline)
