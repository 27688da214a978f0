"""What calls raise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

from signalbox.v1 import reason_pb2

DOMAIN = "signalbox"
"""The domain of the reasons that are Signalbox's own."""


class SignalboxError(Exception):
    """The base of all that this package raises by itself, beside TypeError and ValueError."""


@dataclass(frozen=True, slots=True)
class Violation:
    """One field of a request that breaks one rule."""

    field: str
    """The path from the request to the field, such as `run.plan.actions[2].name`."""
    description: str
    """What is wrong with its value."""


class RefusedError(SignalboxError):
    """Signalbox understood a request and declined it. Sending it again unchanged changes nothing."""

    def __init__(
        self,
        message: str,
        *,
        reason: str,
        code: str,
        facts: Mapping[str, str] | None = None,
        violations: Sequence[Violation] = (),
    ) -> None:
        super().__init__(message)
        self.message: str = message
        """What happened and what to do, for people."""
        self.reason: str = reason
        """What programs branch on, such as `RUN_NOT_FOUND`; docs/errors.md lists all."""
        self.code: str = code
        """The name of the gRPC status code that came with it; several reasons share one."""
        self.facts: dict[str, str] = dict(facts or {})
        """The facts of the refusal by name."""
        self.violations: tuple[Violation, ...] = tuple(violations)
        """Every field that breaks a rule, for INVALID_REQUEST, INPUTS_INVALID and ANSWER_INVALID; empty
        otherwise.
        """

    def __str__(self) -> str:
        told = "".join(f"\n  {field}: {description}" for field, description in self._violations())
        return f"{self.reason}: {self.message}{told}"

    def _violations(self) -> list[tuple[str, str]]:
        return [(violation.field, violation.description) for violation in self.violations]


class NotFoundError(RefusedError):
    """What the request names is not there: a run, an action, an op, a worker, a limit, a subscription."""


class InvalidRequestError(RefusedError):
    """The request breaks a bound or contradicts itself, inputs do not fit their op, or an answer breaks the
    schema of its condition: see `violations`.
    """


class CallFailedError(SignalboxError):
    """A call failed, and is neither a refusal nor to be tried again: a fault in the server, or no such
    method.
    """

    def __init__(self, message: str, *, code: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code: str = code
        """The name of the gRPC status code."""


class UnavailableError(SignalboxError):
    """The server did not answer, or said that it cannot at the moment, until the time for tries was over.

    Whether a change was carried out is open then; asking again with the same `request_id` is safe.
    """

    def __init__(self, message: str, *, attempts: int) -> None:
        super().__init__(message)
        self.attempts: int = attempts
        """How often it was tried."""


def make_refused(
    message: str,
    *,
    reason: str,
    code: str,
    facts: Mapping[str, str] | None = None,
    violations: Sequence[Violation] = (),
) -> RefusedError:
    """The error for a refusal, of the class that its code asks for."""
    if code == "NOT_FOUND":
        kind: type[RefusedError] = NotFoundError
    elif reason in ("INVALID_REQUEST", "INPUTS_INVALID", "ANSWER_INVALID"):
        kind = InvalidRequestError
    else:
        kind = RefusedError
    return kind(message, reason=reason, code=code, facts=facts, violations=violations)


def read_refusal(refusal: reason_pb2.Refusal) -> RefusedError:
    """The error that a call would have raised for a refusal that stands inside an answer."""
    return make_refused(
        refusal.message,
        reason=name_reason(refusal.reason),
        code=name_code(refusal.code),
        facts=refusal.metadata,
    )


def read_refused(error: grpc.aio.AioRpcError) -> RefusedError | None:
    """The refusal that the error of a call carries; None if Signalbox did not send it with a reason."""
    info: error_details_pb2.ErrorInfo | None = None
    violations: list[Violation] = []
    for detail in _details(error):
        if detail.Is(error_details_pb2.ErrorInfo.DESCRIPTOR):
            found = error_details_pb2.ErrorInfo()
            detail.Unpack(found)
            if found.domain == DOMAIN:
                info = found
        elif detail.Is(error_details_pb2.BadRequest.DESCRIPTOR):
            bad = error_details_pb2.BadRequest()
            detail.Unpack(bad)
            violations += [Violation(broken.field, broken.description) for broken in bad.field_violations]
    if info is None:
        return None
    return make_refused(
        error.details() or "",
        reason=info.reason,
        code=error.code().name,
        facts=info.metadata,
        violations=violations,
    )


def read_retry_delay(error: BaseException) -> float:
    """How many seconds the server asks to wait before the next try; 0 if it does not say."""
    if isinstance(error, grpc.aio.AioRpcError):
        for detail in _details(error):
            if detail.Is(error_details_pb2.RetryInfo.DESCRIPTOR):
                found = error_details_pb2.RetryInfo()
                detail.Unpack(found)
                return float(found.retry_delay.seconds + found.retry_delay.nanos / 1e9)
    return 0.0


def name_reason(reason: int) -> str:
    """The name of a reason without its prefix; its number if it is newer than this package."""
    found = reason_pb2.Reason.DESCRIPTOR.values_by_number.get(reason)
    return f"REASON_{reason}" if found is None else found.name.removeprefix("REASON_")


def name_code(code: int) -> str:
    """The name of a gRPC status code."""
    return next((status.name for status in grpc.StatusCode if status.value[0] == code), "UNKNOWN")


def _details(error: grpc.aio.AioRpcError) -> list[Any]:
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin" and isinstance(value, bytes):
            try:
                return list(status_pb2.Status.FromString(value).details)
            except DecodeError:
                return []
    return []
