"""Turns events into numbered lines and decides when they are written."""

from __future__ import annotations

import json
import os
import threading
import time
from collections import deque
from typing import Any, Callable, Mapping, Tuple

from repo_runner_probe import SCHEMA_VERSION
from repo_runner_probe.event_file import EventFile
from repo_runner_probe.line_buffer import LineBuffer

FLUSH_INTERVAL_S = 0.25
#: So many events at most wait to become lines; how much memory a line takes is known.
MOST_WAITING = 64
LARGEST_FILE_BYTES = 1 << 30
#: Frequent events, of which the next one tells most of what the lost one did.
EXPENDABLE = frozenset(("step", "progress"))
#: May wait for the interval: with a tiny data set there are hundreds of epochs a second.
PATIENT = EXPENDABLE | {"epoch_start"}
#: Name, number, time and fields.
Event = Tuple[str, int, float, Tuple[Mapping[str, Any], ...]]
ENCODER = json.JSONEncoder(separators=(",", ":"), allow_nan=False, check_circular=False)


class Emitter:
    """One process, one file: `events-<pid>.jsonl`; a gap in `seq` means lost lines."""

    def __init__(self, directory: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._pid = os.getpid()
        self._file = EventFile(os.path.join(directory, f"events-{self._pid}.jsonl"), clock)
        #: Not lines yet: between two batches everything is slow, several events in a row are not.
        self._waiting: deque[Event] = deque()
        self._buffer = LineBuffer()
        self._clock = clock
        self._lock = threading.Lock()
        self._seq = 0
        self._flushed_at = float("-inf")

    @property
    def dropped(self) -> int:
        return self._buffer.dropped

    def emit(self, name: str, *fields: Mapping[str, Any]) -> None:
        """Write the event, at once or, if it is one of many, with those of the interval; later fields win."""
        expendable = name in EXPENDABLE
        with self._lock:
            self._seq += 1
            if expendable and self._file.size_bytes > LARGEST_FILE_BYTES:
                self._buffer.dropped += 1
                return
            self._waiting.append((name, self._seq, time.time(), fields))
            if len(self._waiting) == MOST_WAITING:
                self._encode()
        if name in PATIENT:
            self.flush_if_due()
        else:
            self.flush()

    def flush_if_due(self) -> None:
        if self._clock() - self._flushed_at >= FLUSH_INTERVAL_S:
            self.flush()

    def flush(self) -> None:
        with self._lock:
            self._flushed_at = self._clock()
            self._encode()
            if self._buffer.size_bytes and self._file.append(self._buffer.content()):
                self._buffer.clear()

    def _encode(self) -> None:
        while self._waiting:
            # Taken out first: one that cannot be encoded must not hold up those behind it.
            name, seq, at, fields = self._waiting.popleft()
            event: dict[str, Any] = {
                "v": SCHEMA_VERSION,
                "ev": name,
                "seq": seq,
                "t": round(at, 3),
                "pid": self._pid,
            }
            for some in fields:
                event.update(some)
            line = ENCODER.encode(event).encode() + b"\n"
            self._buffer.add(line, expendable=name in EXPENDABLE)
