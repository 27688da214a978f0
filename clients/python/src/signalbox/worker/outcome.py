"""What becomes of a task, as it is reported."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from typing import Any

from signalbox.limits import (
    MESSAGE_LENGTH_MAX,
    NAME_LENGTH_MAX,
    OUTPUT_BYTES_MAX,
    OUTPUTS_MAX,
    STACK_LENGTH_MAX,
)
from signalbox.v1 import action_pb2, value_pb2
from signalbox.v1.worker_service_pb2 import Succeeded
from signalbox.values import to_value, to_values
from signalbox.worker.errors import NonRetryableError, OutputInvalid, OutputTooLarge


def to_outputs(returned: Any) -> dict[str, value_pb2.Value]:
    """Turns what a task returns into outputs: those of a dict by their names, nothing for None, and anything
    else as the output `value`. Raises OutputInvalid or OutputTooLarge.
    """
    if returned is None:
        return {}
    try:
        if isinstance(returned, Mapping):
            outputs = to_values(returned, "the output")
        else:
            outputs = {"value": to_value(returned, "the output")}
    except (TypeError, ValueError) as error:
        raise OutputInvalid(str(error)) from error
    return _measured(outputs)


def to_step_outputs(returned: Any) -> dict[str, value_pb2.Value]:
    """Turns what a step returns into the output `value`, or nothing for None. Raises like `to_outputs`."""
    if returned is None:
        return {}
    try:
        return _measured({"value": to_value(returned, "what the step returned")})
    except (TypeError, ValueError) as error:
        raise OutputInvalid(str(error)) from error


def to_action_error(error: BaseException) -> action_pb2.ActionError:
    """Turns what a task raised into the error that is recorded, within the contract's bounds.

    The type is the name of its class, or its `error_type` if it has one.
    """
    named = getattr(error, "error_type", None)
    kind = named if isinstance(named, str) and named else type(error).__name__
    stack = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    return action_pb2.ActionError(
        type=clip(kind, NAME_LENGTH_MAX),
        message=clip(str(error), MESSAGE_LENGTH_MAX),
        stack=clip(stack, STACK_LENGTH_MAX),
        non_retryable=isinstance(error, NonRetryableError),
    )


def clip(text: str, length_max: int) -> str:
    """The beginning of a text that is too long, with nothing in it that cannot be sent."""
    return text[:length_max].encode("utf-8", "replace").decode()


def _measured(outputs: dict[str, value_pb2.Value]) -> dict[str, value_pb2.Value]:
    if len(outputs) > OUTPUTS_MAX:
        raise OutputInvalid(f"there are {len(outputs)} outputs, and at most {OUTPUTS_MAX} may be")
    for name in outputs:
        if not 1 <= len(name) <= NAME_LENGTH_MAX:
            raise OutputInvalid(
                f"the name of an output has 1 to {NAME_LENGTH_MAX} characters: {name[:200]!r}"
            )
    size_bytes = Succeeded(outputs=outputs).ByteSize()
    if size_bytes > OUTPUT_BYTES_MAX:
        kept = "keep it elsewhere and return a Reference to it"
        raise OutputTooLarge(
            f"the outputs take {size_bytes} bytes, and at most {OUTPUT_BYTES_MAX} may be; {kept}"
        )
    return outputs
