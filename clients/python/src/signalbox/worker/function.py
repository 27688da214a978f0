"""The functions that run ops."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from signalbox.worker.errors import InputInvalid

_CONTEXT_NAMES = frozenset({"ctx", "context"})


class OpFunction:
    """A function that runs tasks of an op: gets the context, if its first parameter is called `ctx` or
    `context`, and the inputs as keyword arguments.
    """

    def __init__(self, op: str, function: Callable[..., Any]) -> None:
        self.op = op
        self.function = function
        self._signature = inspect.signature(function)
        parameters = list(self._signature.parameters.values())
        positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        self._takes_context = bool(
            parameters and parameters[0].kind in positional and parameters[0].name in _CONTEXT_NAMES
        )

    @property
    def is_async(self) -> bool:
        """True if it runs in the event loop of the worker, and not in a thread."""
        function = self.function
        called = getattr(function, "__call__", None)  # noqa: B004 - an instance may have an async one
        return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(called)

    def bind(self, context: object, inputs: Mapping[str, Any]) -> Callable[[], Any]:
        """The call of the function, ready to be made. Raises InputInvalid for inputs that it does not
        take.
        """
        positional = (context,) if self._takes_context else ()
        try:
            bound = self._signature.bind(*positional, **inputs)
        except TypeError as error:
            given = ", ".join(sorted(inputs)) or "none"
            raise InputInvalid(
                f"the function of {self.op} does not take these inputs: {error} (given: {given})"
            ) from None
        return lambda: self.function(*bound.args, **bound.kwargs)
