"""The bounds of the contract for what a task asks for.

On the wire, what breaks one would end the stream of the whole worker; here it is a ValueError for the task
that asked.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from google.protobuf import duration_pb2

from signalbox.limits import OUTPUT_BYTES_MAX
from signalbox.model.convert import to_seconds
from signalbox.v1 import action_pb2, event_pb2, op_pb2
from signalbox.worker.condition_bounds import check_condition

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_OP = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._/-]{0,127}")
_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,127}")
_YEAR = 31_622_400.0


def checked_action(action: action_pb2.NewAction) -> action_pb2.NewAction:
    """The action, if it keeps within all bounds."""
    what = f"the child {action.name!r}"
    if not _NAME.fullmatch(action.name):
        raise ValueError(f"{what}: a name has 1 to 128 letters, digits, and . _ - behind its beginning")
    check_labels(what, action.labels)
    if len(action.dependencies) > 1_000:
        raise ValueError(f"{what} waits for {len(action.dependencies)} others, and at most 1,000 may be")
    for dependency in action.dependencies:
        if not _NAME.fullmatch(dependency.action):
            raise ValueError(f"{what} waits for {dependency.action!r}, which is no name")
    if action.HasField("task"):
        _check_task(what, action.task)
    elif action.HasField("condition"):
        check_condition(what, action.condition, _check_duration)
    return action


def checked_event(published: event_pb2.Published) -> event_pb2.Published:
    """The event, if it keeps within all bounds."""
    for what, text in (("source", published.source), ("type", published.type)):
        if not 1 <= len(text) <= 256:
            raise ValueError(f"the {what} of an event has 1 to 256 characters, and not {len(text)}")
    check_labels("the event", published.attributes, "attribute")
    size_bytes = published.ByteSize()
    if size_bytes > OUTPUT_BYTES_MAX:
        raise ValueError(f"the event takes {size_bytes} bytes, and at most {OUTPUT_BYTES_MAX} may be")
    return published


def check_op_name(op: str) -> None:
    """Raises ValueError for what is no name of an op."""
    if not _OP.fullmatch(op):
        raise ValueError(
            f"{op!r} is no name of an op: 1 to 128 letters, digits, and . _ / - behind its beginning"
        )


def check_labels(what: str, labels: Mapping[str, str], kind: str = "label") -> None:
    """Raises ValueError for labels that break a bound."""
    if len(labels) > 64:
        raise ValueError(f"{what} has {len(labels)} {kind}s, and at most 64 may be")
    for name, value in labels.items():
        if not _LABEL.fullmatch(name):
            raise ValueError(f"{what}: {name!r} is no name of a {kind}")
        _check_length(f"{what}: the {kind} {name}", value, 256)


def _check_task(what: str, spec: action_pb2.TaskSpec) -> None:
    check_op_name(spec.op)
    if spec.op_version < 0:
        raise ValueError(f"{what}: the version is {spec.op_version}, and versions are counted from 1")
    if len(spec.inputs) > 1_000:
        raise ValueError(f"{what} has {len(spec.inputs)} inputs, and at most 1,000 may be")
    for name in spec.inputs:
        if not 1 <= len(name) <= 128:
            raise ValueError(f"{what}: the name of an input has 1 to 128 characters, and not {len(name)}")
    _check_length(f"{what}: the image", spec.image, 512)
    _check_length(f"{what}: the handler", spec.handler, 512)
    if spec.HasField("cancel_grace"):
        _check_duration(f"{what}: the grace", spec.cancel_grace, longest=3_600, can_be_none=True)
    if spec.HasField("timeouts"):
        for field, duration in spec.timeouts.ListFields():
            _check_duration(f"{what}: {field.name}", duration)
    if spec.HasField("retry"):
        _check_retry(what, spec.retry)
    _check_placement(what, spec)


def _check_retry(what: str, retry: op_pb2.RetryPolicy) -> None:
    if not 0 <= retry.max_attempts <= 100:
        raise ValueError(f"{what}: {retry.max_attempts} attempts, and 0 to 100 may be")
    if not (0 <= retry.multiplier <= 100 and 0 <= retry.jitter <= 1):
        raise ValueError(f"{what}: the multiplier is 0 to 100, and the jitter 0 to 1")
    if retry.HasField("initial_backoff"):
        _check_duration(f"{what}: the first wait", retry.initial_backoff, longest=86_400, can_be_none=True)
    if retry.HasField("max_backoff"):
        _check_duration(f"{what}: the longest wait", retry.max_backoff, longest=604_800, can_be_none=True)
    kinds = retry.non_retryable_error_types
    if len(kinds) > 64 or any(not 1 <= len(kind) <= 128 for kind in kinds):
        raise ValueError(f"{what}: at most 64 types of errors, of 1 to 128 characters each")


def _check_placement(what: str, spec: action_pb2.TaskSpec) -> None:
    resources = spec.resources
    amounts = (resources.cpu, resources.ram_mb, resources.vram_mb, resources.device_count)
    if any(amount < 0 for amount in amounts) or resources.device_count > 64 or resources.device_index < 0:
        raise ValueError(f"{what}: resources are not below 0, and at most 64 devices may be asked for")
    if not resources.cpu <= 100_000 or max(resources.ram_mb, resources.vram_mb) > 1_000_000_000:
        raise ValueError(f"{what} asks for more than any worker may have")
    check_labels(what, spec.placement.worker_labels)
    if len(spec.placement.tolerations) > 64:
        raise ValueError(f"{what}: at most 64 tolerations may be")
    for toleration in spec.placement.tolerations:
        if not 1 <= len(toleration.key) <= 128 or len(toleration.value) > 256:
            raise ValueError(f"{what}: a toleration has a key of 1 to 128 characters")


def _check_length(what: str, text: str, longest: int) -> None:
    if len(text) > longest:
        raise ValueError(f"{what} has {len(text)} characters, and at most {longest} may be")


def _check_duration(
    what: str, duration: duration_pb2.Duration, *, longest: float = _YEAR, can_be_none: bool = False
) -> None:
    seconds = to_seconds(duration)
    if seconds < 0 or (seconds == 0 and not can_be_none) or seconds > longest:
        raise ValueError(f"{what} is {seconds:g} s, and {longest:g} s is the longest")
