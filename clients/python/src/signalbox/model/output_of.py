"""What stands in an input for what another action puts out."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OutputOf:
    """An output of another action, in the place of an input's value. Made by `plan.output`."""

    action: str
    """The action's name among its siblings."""
    output: str = ""
    """The output's name; empty for all outputs as one JSON object."""
