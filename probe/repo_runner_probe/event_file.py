"""The file the events go to, and what happens when it cannot be written."""

from __future__ import annotations

import errno
import os
import time
from typing import Callable

LONGEST_PAUSE_S = 60.0
FAILURES_ALLOWED = 50


class EventFile:
    """Only whole lines follow one another; a failure costs time or lines, never an exception."""

    def __init__(self, path: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.size_bytes = 0
        self._path = path
        self._clock = clock
        self._descriptor = -1
        #: What the system has not taken yet; it comes before anything newer.
        self._rest = b""
        self._failures = 0
        self._closed_until = 0.0

    def append(self, lines: bytes) -> bool:
        """Write `lines`, or return False: the caller keeps them and comes again."""
        if self._failures > FAILURES_ALLOWED:
            return True
        if self._clock() < self._closed_until:
            return False
        self._drain()
        if self._rest:
            return False
        self._rest = lines
        self._drain()
        return True

    def _drain(self) -> None:
        try:
            while self._rest:
                written = os.write(self._open(), self._rest)
                self._rest = self._rest[written:]
                self.size_bytes += written
                self._failures = 0
        except OSError as error:
            self._postpone(error)

    def _open(self) -> int:
        if self._descriptor < 0:
            # Without O_NONBLOCK, a pipe without a reader would hold up the training.
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NONBLOCK", 0)
            self._descriptor = os.open(self._path, flags, 0o600)
            if os.fstat(self._descriptor).st_size > 0:
                # An earlier process of this number may have been killed in the middle of a line.
                os.write(self._descriptor, b"\n")
        return self._descriptor

    def _postpone(self, error: OSError) -> None:
        self._failures += 1
        if error.errno == errno.EPIPE:
            self._failures = FAILURES_ALLOWED + 1
        pause_s = min(0.5 * 2 ** min(self._failures, 10), LONGEST_PAUSE_S)
        self._closed_until = self._clock() + pause_s
