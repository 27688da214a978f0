"""The threads that sync functions run in."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable


class Threads:
    """Threads that are made as they are needed and used again. None of them keeps the process alive.

    As many run as there is work at once: who gives the work bounds it. A thread that has had nothing to do
    for a while ends.
    """

    IDLE_TIME = 30.0
    """Seconds."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle = 0
        self._work: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()

    def run(self, work: Callable[[], None]) -> None:
        """Runs something at once, in a thread that has nothing to do or in a new one. It must not raise."""
        with self._lock:
            if self._idle > 0:
                self._idle -= 1
                self._work.put(work)
                return
        threading.Thread(target=self._serve, args=(work,), name="signalbox-op", daemon=True).start()

    def _serve(self, work: Callable[[], None]) -> None:
        while True:
            work()
            del work
            with self._lock:
                self._idle += 1
            try:
                work = self._work.get(timeout=self.IDLE_TIME)
            except queue.Empty:
                with self._lock:
                    if self._idle > 0:
                        self._idle -= 1
                        return
                # What was given at this very moment counts on this thread.
                work = self._work.get()
