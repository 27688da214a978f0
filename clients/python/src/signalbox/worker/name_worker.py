"""Names for workers that are given none."""

from __future__ import annotations

import os
import re
import secrets
import socket


def name_worker() -> str:
    """A name that no other worker has: made of host, process and chance."""
    host = re.sub(r"^[^A-Za-z0-9]+", "", re.sub(r"[^A-Za-z0-9._-]", "-", socket.gethostname()))[:80]
    return f"{host or 'worker'}-{os.getpid()}-{secrets.token_hex(3)}"
