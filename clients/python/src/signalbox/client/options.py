"""How a client reaches its server, and how long it tries."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from signalbox import limits

Token: TypeAlias = "str | Callable[[], str]"
"""An API key or bearer token, or what gives the current one for each call."""


@dataclass(frozen=True, kw_only=True)
class RetryTimes:
    """How long, and how often, a client tries again. Seconds."""

    call: float = limits.CALL_RETRY_TIME
    """How long a call is tried for in all; 0 tries once."""
    watch: float = limits.WATCH_RESUME_TIME
    """How long a watch that was cut is opened again for, without a frame; infinity is allowed."""
    initial_backoff: float = limits.INITIAL_BACKOFF
    """The first wait, which doubles with each try."""
    backoff_max: float = limits.BACKOFF_MAX
    """The longest wait."""


@dataclass(frozen=True, kw_only=True)
class Tls:
    """How a server with TLS is reached, in PEM; what is None is as the machine has it."""

    root_certificates: bytes | None = None
    """Whom to trust."""
    private_key: bytes | None = None
    """Together with the chain: how this side shows who it is."""
    certificate_chain: bytes | None = None
    server_name: str | None = None
    """The name that the server's certificate has, if it is not that of the address."""
