"""A server whose answers a test says one by one, for what a real one cannot be brought to do at will."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import grpc
import grpc.aio
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2

from signalbox.model.convert import to_duration
from signalbox.v1 import run_pb2, run_service_pb2, worker_service_pb2
from signalbox.v1.run_service_pb2_grpc import (
    RunServiceServicer,
    add_RunServiceServicer_to_server,
)
from signalbox.v1.worker_service_pb2 import AttachRequest, AttachResponse
from signalbox.v1.worker_service_pb2_grpc import (
    WorkerServiceServicer,
    add_WorkerServiceServicer_to_server,
)

DEADLINE = 20.0


class Stream:
    """One worker stream, from the server's side."""

    def __init__(self, requests: AsyncIterator[AttachRequest]) -> None:
        self._requests = requests
        self._answers: asyncio.Queue[AttachResponse | BaseException | None] = asyncio.Queue()
        self._frames: list[AttachRequest] = []
        self.ended = asyncio.Event()

    def say(self, **frame: Any) -> None:
        """Sends a frame."""
        self._answers.put_nowait(AttachResponse(**frame))

    def end(self) -> None:
        """Ends the stream well."""
        self._answers.put_nowait(None)

    def refuse(self, reason: str, code: str = "FAILED_PRECONDITION") -> None:
        """Ends the stream with a refusal."""
        self._answers.put_nowait(_Refused(reason, code))

    async def hear(self, kind: str) -> Any:
        """The next frame of a kind; frames of other kinds wait, but for pulses."""
        for index, frame in enumerate(self._frames):
            if frame.WhichOneof("frame") == kind:
                del self._frames[index]
                return getattr(frame, kind)
        while True:
            frame = await asyncio.wait_for(self._requests.__anext__(), DEADLINE)
            found = frame.WhichOneof("frame")
            if found == kind:
                return getattr(frame, kind)
            if found != "pulse":
                self._frames.append(frame)

    async def attach(self, pulse_interval: float = 5.0, **attached: Any) -> worker_service_pb2.Attach:
        """Takes Attach and answers it."""
        attach = await self.hear("attach")
        answer = worker_service_pb2.Attached(
            session_id="s",
            lease=to_duration(15),
            pulse_interval=to_duration(pulse_interval),
            **attached,
        )
        self.say(attached=answer)
        return attach  # type: ignore[no-any-return]

    async def answers(self, context: Any) -> AsyncIterator[AttachResponse]:
        """What goes to the worker."""
        try:
            while True:
                answer = await self._answers.get()
                if answer is None:
                    return
                if isinstance(answer, _Refused):
                    await _abort(context, answer.reason, answer.code)
                if isinstance(answer, AttachResponse):
                    yield answer
        finally:
            self.ended.set()


class ScriptedServer(WorkerServiceServicer, RunServiceServicer):
    """Serves worker streams and a few calls about runs as a test says."""

    def __init__(self) -> None:
        self.address = ""
        self.requests: list[Any] = []
        self.metadata: list[dict[str, str]] = []
        self.time_left: list[float] = []
        self._failures: list[tuple[str, str, float, Mapping[str, str]]] = []
        self._streams: asyncio.Queue[Stream] = asyncio.Queue()
        self._server = grpc.aio.server()
        add_WorkerServiceServicer_to_server(self, self._server)
        add_RunServiceServicer_to_server(self, self._server)

    async def start(self, tls: tuple[bytes, bytes] | None = None) -> None:
        """Listens on a free port; over TLS, with a key and a certificate."""
        if tls is None:
            port = self._server.add_insecure_port("127.0.0.1:0")
        else:
            port = self._server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([tls]))
        self.address = f"127.0.0.1:{port}"
        await self._server.start()

    async def close(self) -> None:
        """Cuts everything."""
        await self._server.stop(0)

    def fail(
        self,
        reason: str,
        *,
        code: str,
        times: int,
        retry_delay: float = 0.0,
        facts: Mapping[str, str] | None = None,
    ) -> None:
        """Fails the next calls."""
        self._failures += [(reason, code, retry_delay, facts or {})] * times

    async def stream(self) -> Stream:
        """The next stream that a worker opens."""
        return await asyncio.wait_for(self._streams.get(), DEADLINE)

    async def Attach(
        self, request_iterator: AsyncIterator[AttachRequest], context: Any
    ) -> AsyncIterator[AttachResponse]:
        self.metadata.append(dict(context.invocation_metadata()))
        stream = Stream(request_iterator)
        self._streams.put_nowait(stream)
        async for answer in stream.answers(context):
            yield answer

    async def GetRun(
        self, request: run_service_pb2.GetRunRequest, context: Any
    ) -> run_service_pb2.GetRunResponse:
        await self._note(request, context)
        return run_service_pb2.GetRunResponse(run=run_pb2.Run(run_id=request.run_id))

    async def CancelRun(
        self, request: run_service_pb2.CancelRunRequest, context: Any
    ) -> run_service_pb2.CancelRunResponse:
        await self._note(request, context)
        return run_service_pb2.CancelRunResponse(run=run_pb2.Run(run_id=request.run_id))

    async def _note(self, request: Any, context: Any) -> None:
        self.requests.append(request)
        self.metadata.append(dict(context.invocation_metadata()))
        self.time_left.append(context.time_remaining() or 0.0)
        if self._failures:
            reason, code, delay, facts = self._failures.pop(0)
            await _abort(context, reason, code, delay, facts)


class _Refused(Exception):
    """A refusal that ends a stream."""

    def __init__(self, reason: str, code: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.code = code


async def _abort(
    context: Any, reason: str, code: str, delay: float = 0.0, facts: Mapping[str, str] | None = None
) -> None:
    status = status_pb2.Status(code=grpc.StatusCode[code].value[0], message=f"scripted: {reason}")
    if reason:
        status.details.append(
            _pack(error_details_pb2.ErrorInfo(reason=reason, domain="signalbox", metadata=facts))
        )
    if delay:
        status.details.append(_pack(error_details_pb2.RetryInfo(retry_delay=to_duration(delay))))
    details = (("grpc-status-details-bin", status.SerializeToString()),)
    await context.abort(grpc.StatusCode[code], status.message, trailing_metadata=details)


def _pack(detail: Any) -> any_pb2.Any:
    packed = any_pb2.Any()
    packed.Pack(detail)
    return packed
