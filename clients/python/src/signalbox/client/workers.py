"""The part of the client that is about workers."""

from __future__ import annotations

from collections.abc import Mapping

from signalbox.client.calls import Calls, new_request_id
from signalbox.client.pages import Page, Pages
from signalbox.model.convert import read
from signalbox.model.worker import WorkerStatus
from signalbox.v1 import worker_service_pb2


class Workers:
    """The workers that are attached or whose leases run."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def list(
        self,
        *,
        labels: Mapping[str, str] | None = None,
        namespace: str | None = None,
        deadline: float | None = None,
    ) -> Pages[WorkerStatus]:
        """Lists workers, by name; only those with all of the labels. A namespace of `-` means all."""

        async def fetch(size: int, token: str) -> Page[WorkerStatus]:
            request = worker_service_pb2.ListWorkersRequest(
                namespace=self._calls.namespace(namespace),
                page_size=size,
                page_token=token,
                labels=labels or {},
            )
            answer = await self._calls.unary(
                self._calls.stubs.workers.ListWorkers, request, deadline=deadline
            )
            return Page([read(WorkerStatus, worker) for worker in answer.workers], answer.next_page_token)

        return Pages(fetch)

    async def get(
        self, worker_id: str, *, namespace: str | None = None, deadline: float | None = None
    ) -> WorkerStatus:
        """Reads a worker, with the attempts that it holds."""
        request = worker_service_pb2.GetWorkerRequest(
            namespace=self._calls.namespace(namespace), worker_id=worker_id
        )
        answer = await self._calls.unary(self._calls.stubs.workers.GetWorker, request, deadline=deadline)
        return read(WorkerStatus, answer.worker)

    async def drain(
        self,
        worker_id: str,
        *,
        namespace: str | None = None,
        request_id: str | None = None,
        deadline: float | None = None,
    ) -> WorkerStatus:
        """Asks a worker to take no more work and to leave when it has none."""
        request = worker_service_pb2.DrainWorkerRequest(
            namespace=self._calls.namespace(namespace),
            worker_id=worker_id,
            request_id=new_request_id(request_id),
        )
        answer = await self._calls.unary(self._calls.stubs.workers.DrainWorker, request, deadline=deadline)
        return read(WorkerStatus, answer.worker)

    async def evict(
        self,
        worker_id: str,
        *,
        cause: str = "",
        namespace: str | None = None,
        request_id: str | None = None,
        deadline: float | None = None,
    ) -> int:
        """Takes everything from a worker at once and ends its session; gives how many attempts it held."""
        request = worker_service_pb2.EvictWorkerRequest(
            namespace=self._calls.namespace(namespace),
            worker_id=worker_id,
            cause=cause,
            request_id=new_request_id(request_id),
        )
        answer = await self._calls.unary(self._calls.stubs.workers.EvictWorker, request, deadline=deadline)
        return answer.released_count
