"""Why an action did not succeed."""

from __future__ import annotations

from dataclasses import dataclass

from signalbox.model.convert import stands_for
from signalbox.v1 import action_pb2


@stands_for(action_pb2.ActionError)
@dataclass(frozen=True, kw_only=True)
class ActionError:
    """Why an action did not succeed."""

    type: str
    """A name that retry policies can list, such as `ValueError`, `Timeout` or `LeaseExpired`."""
    message: str = ""
    stack: str = ""
    non_retryable: bool = False
    """True if no further attempt makes sense, whatever the policy says."""
