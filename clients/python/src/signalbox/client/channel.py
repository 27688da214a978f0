"""Connections to a server."""

from __future__ import annotations

from urllib.parse import urlsplit

import grpc
import grpc.aio

from signalbox import limits
from signalbox.client.options import Tls, Token

DEFAULT_ADDRESS = "127.0.0.1:7233"
"""Where a server listens unless told otherwise."""


class Connector:
    """Opens connections to one server. Making one opens nothing."""

    def __init__(self, address: str, *, tls: Tls | bool | None = None, token: Token | None = None) -> None:
        self.target, is_https = read_address(address)
        self.address = address
        wanted = is_https if tls is None else tls
        self._tls = Tls() if wanted is True else wanted if isinstance(wanted, Tls) else None
        self._token = token

    def open(self) -> grpc.aio.Channel:
        """Opens a connection of its own, bound to the event loop that runs."""
        options: list[tuple[str, object]] = [
            # A connection that has died unnoticed must not hold up one that is opened after it.
            ("grpc.use_local_subchannel_pool", 1),
            # Tries are made again here, with what the server says about waiting.
            ("grpc.enable_retries", 0),
            ("grpc.initial_reconnect_backoff_ms", int(limits.INITIAL_BACKOFF * 1_000)),
            ("grpc.min_reconnect_backoff_ms", int(limits.INITIAL_BACKOFF * 1_000)),
            ("grpc.max_reconnect_backoff_ms", int(limits.RECONNECT_DELAY_MAX * 1_000)),
            ("grpc.keepalive_time_ms", limits.PING_INTERVAL_MS),
            ("grpc.keepalive_timeout_ms", limits.PING_TIMEOUT_MS),
            ("grpc.http2.max_pings_without_data", 0),
            ("grpc.max_receive_message_length", limits.ANSWER_BYTES_MAX),
            ("grpc.max_send_message_length", limits.ANSWER_BYTES_MAX),
        ]
        if self._tls is None:
            return grpc.aio.insecure_channel(self.target, options=options)
        if self._tls.server_name is not None:
            options.append(("grpc.ssl_target_name_override", self._tls.server_name))
        credentials = grpc.ssl_channel_credentials(
            root_certificates=self._tls.root_certificates,
            private_key=self._tls.private_key,
            certificate_chain=self._tls.certificate_chain,
        )
        return grpc.aio.secure_channel(self.target, credentials, options=options)

    def metadata(self) -> tuple[tuple[str, str], ...]:
        """What goes with each call: who calls, if that is known."""
        token = self._token() if callable(self._token) else self._token
        if token is None:
            return ()
        if not (token.isascii() and token.isprintable()) or " " in token:
            raise ValueError("a token is printable ASCII without spaces")
        return (("authorization", f"Bearer {token}"),)


def read_address(address: str) -> tuple[str, bool]:
    """The host and port of an address, and whether it asks for TLS: `host:port`, `http://…` or
    `https://…`.
    """
    parts = urlsplit(address if "://" in address else f"http://{address}")
    if parts.scheme not in ("http", "https") or parts.hostname is None or parts.path not in ("", "/"):
        raise ValueError(
            f"an address is host:port, http://host:port or https://host:port, and not {address!r}"
        )
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    is_https = parts.scheme == "https"
    # Without a port, a scheme means its own; a bare host means the port where servers listen.
    port = parts.port or (443 if is_https else 80 if "://" in address else 7233)
    return f"{host}:{port}", is_https
