"""A run's bounded output: the head in `output.log`, the newest in rotated segments beside it.

An output is addressed by its logical byte offset, as if nothing had ever been dropped. The head keeps the first half of
the limit; after it come segments `output.<offset>.log` of an eighth each, of which the newest four are kept. What fell
out between is counted by the reader from the offsets alone.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from repo_runner.masking import Masker

_KEPT_SEGMENTS = 4
#: Colours and cursor movements of terminals.
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_MAX_READ_BYTES = 4 << 20


class OutputWriter:
    """Appends raw bytes; never raises for a full disk, so that the script is never blocked by its log."""

    def __init__(self, path: Path, max_bytes: int, secrets: Sequence[str] = ()) -> None:
        self._path = path
        self._masker = Masker(secrets)
        self._head_limit = max_bytes // 2
        self._segment_limit = max(max_bytes // 8, 1)
        self._offset = _Layout.of(path).size
        self._file = self._open(path)
        self._room = self._head_limit - self._offset
        #: Bytes that could not be written because the disk was full.
        self.lost_bytes = 0

    def write(self, data: bytes) -> None:
        """Append without the secrets, rotating where a segment is full."""
        self._write(self._masker.feed(data))

    def close(self) -> None:
        """Write what was held back as a possible beginning of a secret, and close the newest segment."""
        self._write(self._masker.finish())
        os.close(self._file)

    def _write(self, data: bytes) -> None:
        while data:
            if self._room <= 0:
                self._rotate()
            piece, data = data[: self._room], data[self._room :]
            self._append(piece)

    def _append(self, piece: bytes) -> None:
        try:
            written = os.write(self._file, piece)
        except OSError:
            self.lost_bytes += len(piece)
            return
        self._offset += written
        self._room -= written
        self.lost_bytes += len(piece) - written

    def _rotate(self) -> None:
        os.close(self._file)
        self._file = self._open(self._path.with_name(f"output.{self._offset}.log"))
        self._room = self._segment_limit
        for old in _Layout.of(self._path).segments[1:-_KEPT_SEGMENTS]:
            old.path.unlink(missing_ok=True)

    @staticmethod
    def _open(path: Path) -> int:
        return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)


@dataclass(frozen=True)
class OutputPiece:
    """Bytes of an output, and where to go on."""

    data: bytes
    next_offset: int
    size_bytes: int
    dropped_bytes: int


def read_output(path: Path, offset: int, max_bytes: int = _MAX_READ_BYTES) -> OutputPiece:
    """Bytes from a logical offset; a dropped stretch is jumped over."""
    layout = _Layout.of(path)
    data = b""
    for segment in layout.segments:
        if segment.end <= offset or len(data) >= max_bytes:
            continue
        offset = max(offset, segment.start)
        with segment.path.open("rb") as file:
            file.seek(offset - segment.start)
            piece = file.read(max_bytes - len(data))
        data += piece
        offset += len(piece)
    return OutputPiece(data, offset, layout.size, layout.dropped)


def read_output_tail(path: Path, max_bytes: int) -> OutputPiece:
    """The last bytes of an output."""
    return read_output(path, max(_Layout.of(path).size - max_bytes, 0), max_bytes)


def last_lines(path: Path, count: int) -> list[str]:
    """The last non-empty lines as plain text, progress bars reduced to their last state."""
    text = _CONTROL.sub("", read_output_tail(path, 64 << 10).data.decode(errors="replace"))
    lines = [line.rsplit("\r", 1)[-1].rstrip() for line in text.replace("\r\n", "\n").split("\n")]
    return [line for line in lines if line][-count:]


@dataclass(frozen=True)
class _Segment:
    path: Path
    start: int
    end: int


@dataclass(frozen=True)
class _Layout:
    segments: tuple[_Segment, ...]

    @classmethod
    def of(cls, path: Path) -> _Layout:
        found = [(0, path)] if path.exists() else []
        for other in path.parent.glob("output.*.log"):
            start = other.name.split(".")[1]
            if start.isdigit():
                found.append((int(start), other))
        return cls(
            tuple(_Segment(p, start, start + p.stat().st_size) for start, p in sorted(found))
        )

    @property
    def size(self) -> int:
        return self.segments[-1].end if self.segments else 0

    @property
    def dropped(self) -> int:
        return self.size - sum(s.end - s.start for s in self.segments)
