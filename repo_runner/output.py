"""Writes a run's bounded output: the head, and the newest segments after it (`kept_output` reads them).

The head keeps the first half of the limit; segments take an eighth each, and the newest four are kept. A file ends with
a line where that is possible.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path

from repo_runner.kept_output import KeptOutput, last_line
from repo_runner.masking import Masker

_KEPT_SEGMENTS = 4
#: How far a file may grow over its limit to end with a line.
_MAX_OVERHANG_BYTES = 4096


class OutputWriter:
    """Appends raw bytes; never raises: what a full disk cannot take is dropped and counted, like any other bytes."""

    def __init__(self, path: Path, max_bytes: int, secrets: Sequence[str] = ()) -> None:
        self._path = path
        self._masker = Masker(secrets)
        self._segment_limit = max(max_bytes // 8, 1)
        kept = KeptOutput.of(path)
        self._offset, self._line = kept.size_bytes, last_line(kept)
        head_bytes = kept.segments[0].size_bytes if kept.segments else 0
        self._room = max_bytes // 2 - head_bytes
        self._current = path
        self._file = self._open(path) if len(kept.segments) <= 1 else None
        self._is_at_line_start = True
        #: Bytes that are not kept because the disk was full or too slow.
        self.lost_bytes = 0

    def write(self, data: bytes) -> None:
        """Append without the secrets, rotating where a file is full."""
        self._write(self._masker.feed(data))

    def drop(self, size_bytes: int, lines: int) -> None:
        """Go on after bytes that are not kept; the next file's name tells readers how many they were."""
        self._offset += size_bytes
        self._line += lines
        self.lost_bytes += size_bytes
        self._close()

    def write_at(self, offset: int, line: int, data: bytes) -> None:
        """Append what comes at this offset, after so many lines; what is known is passed over, a gap was dropped."""
        known = self._offset - offset
        if known < 0:
            self._close()
            self._offset, self._line = offset, line
        self._write(data[max(known, 0) :])

    def close(self) -> None:
        """Write what was held back as a possible beginning of a secret, and close the newest file.

        Where the last bytes were dropped, an empty file behind them tells how many they were.
        """
        self._write(self._masker.finish())
        self._close()
        if KeptOutput.of(self._path).size_bytes < self._offset:
            with contextlib.suppress(OSError):
                self._next_path.touch(0o600)

    def _write(self, data: bytes) -> None:
        while data:
            if self._file is None or self._is_full:
                self._rotate()
            cut = self._cut(data)
            piece, data = data[:cut], data[cut:]
            self._append(piece)

    @property
    def _is_full(self) -> bool:
        return self._room <= 0 and (self._is_at_line_start or self._room <= -self._overhang)

    @property
    def _overhang(self) -> int:
        return min(_MAX_OVERHANG_BYTES, self._segment_limit // 4)

    def _cut(self, data: bytes) -> int:
        """How much of the data goes into the current file."""
        if len(data) <= self._room:
            return len(data)
        most = self._room + self._overhang
        line_end = data.find(b"\n", max(self._room - 1, 0), most)
        return line_end + 1 if line_end >= 0 else min(most, len(data))

    def _append(self, piece: bytes) -> None:
        written = 0
        if self._file is not None:
            with contextlib.suppress(OSError):
                written = os.write(self._file, piece)
        self._offset += written
        self._room -= written
        self._line += piece.count(b"\n", 0, written)
        self._is_at_line_start = piece.endswith(b"\n")
        if written < len(piece):
            self.drop(len(piece) - written, piece.count(b"\n", written))

    def _rotate(self) -> None:
        self._close()
        self._current = self._next_path
        self._file = self._open(self._current)
        self._room = self._segment_limit
        for old in KeptOutput.of(self._path).segments[1:-_KEPT_SEGMENTS]:
            with contextlib.suppress(OSError):
                old.path.unlink()

    @property
    def _next_path(self) -> Path:
        return self._path.with_name(
            f"{self._path.stem}.{self._offset}.{self._line}{self._path.suffix}"
        )

    def _close(self) -> None:
        """An empty segment is what a full disk leaves: it goes."""
        if self._file is None:
            return
        if self._current != self._path and not os.fstat(self._file).st_size:
            with contextlib.suppress(OSError):
                self._current.unlink()
        os.close(self._file)
        self._file = None

    @staticmethod
    def _open(path: Path) -> int | None:
        with contextlib.suppress(OSError):
            return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        return None
