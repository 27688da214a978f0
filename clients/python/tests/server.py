"""A Signalbox server in a process of its own, that tests start, kill and start again."""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(os.environ.get("TEST_SERVER_ROOT") or Path(__file__).resolve().parents[3])
"""Where the server's sources are."""

DEFAULTS = {
    "SIGNALBOX_PULSE_INTERVAL_MS": "500",
    "SIGNALBOX_BOOKMARK_INTERVAL_MS": "500",
    "SIGNALBOX_DRAIN_TIMEOUT_MS": "1000",
}
"""Its options where a test says no others."""


def new_token(file: Path, subject: str, *groups: str) -> str:
    """Makes a token in a file, as an operator does."""
    program = [str(ROOT / "node_modules" / ".bin" / "node"), str(ROOT / "bin" / "signalbox.js")]
    who = ["--subject", subject, *(word for group in groups for word in ("--group", group))]
    command = [*program, "token", "create", *who, "--file", str(file)]
    made = subprocess.run(command, capture_output=True, text=True, check=True)
    return next(word for word in made.stdout.split() if word.startswith("sbx_"))


class Server:
    """A server with data of its own, on a free port of the loopback address that it keeps when it starts
    again.
    """

    def __init__(self, *arguments: str) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="signalbox-test-")
        self._arguments = arguments
        self._port = 0
        self._process: subprocess.Popen[str] | None = None
        self.log = Path(self._folder.name) / "log"
        self.start()

    @property
    def address(self) -> str:
        """Its host and port."""
        return f"127.0.0.1:{self._port}"

    def start(self) -> None:
        """Starts it, over the data that it had."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [
                    ROOT / "node_modules" / ".bin" / "node",
                    ROOT / "src" / "main.ts",
                    *("--port", str(self._port), "--data", f"{self._folder.name}/data"),
                    *self._arguments,
                ],
                env={**os.environ, **DEFAULTS},
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self._process.stdout is not None
        deadline = time.monotonic() + 60
        ready, _, _ = select.select([self._process.stdout], [], [], deadline - time.monotonic())
        line = self._process.stdout.readline() if ready else ""
        found = re.search(r"listens on http://.*:(\d+)", line)
        assert found is not None, f"the server did not start: {line}{self.log.read_text()}"
        self._port = int(found.group(1))

    def kill(self) -> None:
        """Kills it, as a power cut would."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Stops it, as an upgrade would."""
        self._end(signal.SIGTERM)

    def close(self) -> None:
        """Ends it and removes its data."""
        self.kill()
        self._folder.cleanup()

    def _end(self, number: int) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(30)
            if self._process.stdout is not None:
                self._process.stdout.close()
            self._process = None
