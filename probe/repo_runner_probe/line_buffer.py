"""Lines on their way to the file, bounded."""

from __future__ import annotations

from collections import deque

CAPACITY_BYTES = 1 << 20


class LineBuffer:
    """Never holds more than its capacity: the oldest expendable lines go first, and are counted."""

    def __init__(self, capacity_bytes: int = CAPACITY_BYTES) -> None:
        #: Lines that were given up.
        self.dropped = 0
        self.size_bytes = 0
        self._capacity_bytes = capacity_bytes
        self._lines: deque[tuple[bytes, bool]] = deque()

    def add(self, line: bytes, *, expendable: bool) -> None:
        if self.size_bytes + len(line) > self._capacity_bytes:
            self._make_room(len(line))
        if self.size_bytes + len(line) > self._capacity_bytes:
            self.dropped += 1
            return
        self._lines.append((line, expendable))
        self.size_bytes += len(line)

    def content(self) -> bytes:
        return b"".join(line for line, _ in self._lines)

    def clear(self) -> None:
        self._lines.clear()
        self.size_bytes = 0

    def _make_room(self, needed_bytes: int) -> None:
        # A tenth more than needed: with a full disk every further line would search again.
        excess = self.size_bytes + needed_bytes - self._capacity_bytes + self._capacity_bytes // 10
        kept: deque[tuple[bytes, bool]] = deque()
        for line, expendable in self._lines:
            if expendable and excess > 0:
                excess -= len(line)
                self.size_bytes -= len(line)
                self.dropped += 1
            else:
                kept.append((line, expendable))
        self._lines = kept
