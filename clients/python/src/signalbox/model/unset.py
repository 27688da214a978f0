"""The default of arguments for which None is a value."""

from __future__ import annotations

from typing import Any, Final


class Unset:
    """What an argument is that was not given, where None would mean null."""

    def __repr__(self) -> str:
        return "UNSET"

    def __bool__(self) -> bool:
        return False


UNSET: Final[Any] = Unset()
"""Not given."""
