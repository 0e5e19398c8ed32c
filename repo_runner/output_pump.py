"""Takes what a script prints from its pipe and hands it to the log, so that the script never waits for a disk."""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import IO

from repo_runner.output import OutputWriter

_CHUNK_BYTES = 256 << 10
#: What may wait for a slow disk; more is dropped and counted.
_MAX_WAITING_BYTES = 16 << 20
#: A burst is slowed down this long before anything of it is dropped.
_PATIENCE_S = 0.5
#: The most an unprivileged process may ask for by default; the reader wakes less often.
_PIPE_BYTES = 1 << 20


@dataclass
class _Dropped:
    """Stands in the place of what could not wait."""

    size_bytes: int = 0
    lines: int = 0


class OutputPump:
    """Two threads: one drains the pipe whatever happens, the other writes."""

    def __init__(self, pipe: IO[bytes], output: OutputWriter) -> None:
        self._pipe = pipe
        self._output = output
        self._waiting: deque[bytes | _Dropped] = deque()
        self._waiting_bytes = 0
        self._patient_until: float | None = None
        self._has_ended = False
        #: Bytes so far.
        self.received = 0
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, name="output-reader")
        self._writer = threading.Thread(target=self._write, name="output-writer")

    def __enter__(self) -> OutputPump:
        with contextlib.suppress(OSError):  # a wish: the limit of pipes may be lower here
            fcntl.fcntl(self._pipe.fileno(), fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        self._reader.start()
        self._writer.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Once nobody holds the other end of the pipe, all that came out of it is written."""
        self._reader.join()
        self._writer.join()
        self._pipe.close()

    def drain(self, seconds: float) -> None:
        """Give processes that outlive the script so long to close their end."""
        self._reader.join(seconds)

    def _read(self) -> None:
        while chunk := os.read(self._pipe.fileno(), _CHUNK_BYTES):
            self.received += len(chunk)
            with self._changed:
                self._put(chunk)
        with self._changed:
            self._has_ended = True
            self._changed.notify_all()

    def _put(self, chunk: bytes) -> None:
        if not self._has_room():
            now = time.monotonic()
            self._patient_until = self._patient_until or now + _PATIENCE_S
            self._changed.wait_for(self._has_room, max(self._patient_until - now, 0))
        if self._has_room():
            self._waiting.append(chunk)
            self._waiting_bytes += len(chunk)
        else:
            self._drop(chunk)
        self._changed.notify_all()

    def _drop(self, chunk: bytes) -> None:
        if not isinstance(self._waiting[-1], _Dropped):
            self._waiting.append(_Dropped())
        last = self._waiting[-1]
        assert isinstance(last, _Dropped)
        last.size_bytes += len(chunk)
        last.lines += chunk.count(b"\n")

    def _has_room(self) -> bool:
        return self._waiting_bytes < _MAX_WAITING_BYTES

    def _write(self) -> None:
        while (item := self._next()) is not None:
            if isinstance(item, _Dropped):
                self._output.drop(item.size_bytes, item.lines)
            else:
                self._output.write(item)

    def _next(self) -> bytes | _Dropped | None:
        """The oldest of what waits; None at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._has_ended)
            if not self._waiting:
                return None
            item = self._waiting.popleft()
            self._waiting_bytes -= len(item) if isinstance(item, bytes) else 0
            if self._waiting_bytes < _MAX_WAITING_BYTES // 2:
                self._patient_until = None
            self._changed.notify_all()
            return item
