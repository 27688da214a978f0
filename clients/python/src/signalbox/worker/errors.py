"""What a worker and its tasks raise."""

from __future__ import annotations

from signalbox.errors import SignalboxError
from signalbox.model.error import ActionError


class WorkerError(SignalboxError):
    """The base of what a worker and its tasks raise."""


class NonRetryableError(WorkerError):
    """Raised by a task that no further attempt can help, whatever its retry policy says.

    Subclass it for a name of your own, or raise it as it is.
    """


class AttemptCancelled(WorkerError):
    """The attempt was cancelled: it has until the grace is over to stop."""

    def __init__(self, cause: str, grace: float) -> None:
        super().__init__(f"the attempt was cancelled: {cause}" if cause else "the attempt was cancelled")
        self.cause: str = cause
        """Why, in the words of who asked."""
        self.grace: float = grace
        """How many seconds the attempt has until it is ended without its worker."""


class AttemptLost(WorkerError):
    """The lease has moved on: nothing the attempt says or does counts any more."""


class WorkerStopped(WorkerError):
    """The worker stops before the attempt has ended; the attempt is given back."""


class AttemptEnded(WorkerError):
    """What still waited for an answer when its task returned, and what was asked for after that."""


class ConditionEnded(WorkerError):
    """A condition ended without an answer."""

    def __init__(self, condition: str, state: str) -> None:
        super().__init__(f"the condition {condition} ended without an answer: {state}")
        self.condition: str = condition
        self.state: str = state
        """FAILED, CANCELLED, TIMED_OUT or SKIPPED."""


class ChildFailed(WorkerError):
    """A child task, or a step of an earlier call, ended without success."""

    def __init__(self, child: str, state: str, error: ActionError | None) -> None:
        self.error: ActionError = error or ActionError(type="Unknown")
        """The error the child ended with, as its worker or the server put it."""
        told = f": {self.error.message}" if self.error.message else ""
        super().__init__(f"{child} ended {state}: {self.error.type}{told}")
        self.child: str = child
        self.state: str = state
        """FAILED, CANCELLED, TIMED_OUT or SKIPPED."""


class Refused(WorkerError):
    """The server declined what a task said or asked for."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(f"{reason}: {message}")
        self.reason: str = reason
        """The name of the reason, as docs/errors.md lists it."""
        self.message: str = message


class InputInvalid(NonRetryableError):
    """Inputs that the function of the op does not take. The attempt fails for good."""


class OutputInvalid(NonRetryableError):
    """Outputs that no values stand for. The attempt fails for good."""


class OutputTooLarge(NonRetryableError):
    """Outputs that are more than 1 MiB in all. The attempt fails for good: keep them elsewhere, and return a
    Reference.
    """


class WorkerSuperseded(WorkerError):
    """The worker has stopped because another process attached under its name. Names must be unique."""


class WorkerRefused(WorkerError):
    """The worker has stopped because the server does not take it as it is: its name, ops, labels or token."""
