"""What is kept on disk of a run's output, and how it is read.

An output is addressed by its logical byte offset, as if nothing had ever been dropped. The head is `output.log`; after
it come segments `output.<offset>.<line>.log`, named by where they begin: at which byte, and after how many lines. What
fell out between two files is known from their names alone.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

#: Colours and cursor movements of terminals.
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_MAX_READ_BYTES = 4 << 20
#: The script may write next to its output: a link there could name any file, a pipe would wait for a writer.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True)
class Segment:
    """One file of an output."""

    path: Path
    start: int
    #: How many lines of the output end before it.
    first_line: int
    size_bytes: int

    @property
    def end(self) -> int:
        """The offset after its last byte."""
        return self.start + self.size_bytes

    def opened(self) -> BinaryIO:
        """The file, or nothing when it was dropped meanwhile, may not be read, or has become a link."""
        try:
            return os.fdopen(os.open(self.path, _FILE), "rb")
        except OSError:
            return Path(os.devnull).open("rb")

    def read(self, offset: int, max_bytes: int) -> bytes:
        """Bytes from a logical offset."""
        with self.opened() as file:
            return os.pread(file.fileno(), max_bytes, offset - self.start)


@dataclass(frozen=True)
class KeptOutput:
    """The files of one output, in order."""

    segments: tuple[Segment, ...]

    @classmethod
    def of(cls, path: Path) -> KeptOutput:
        """Look at the files as they are now."""
        name = re.compile(rf"{re.escape(path.stem)}\.(\d+)\.(\d+){re.escape(path.suffix)}")
        others = path.parent.glob(f"{path.stem}.*.*{path.suffix}")
        named = [(name.fullmatch(other.name), other) for other in others]
        found = [(int(match[1]), int(match[2]), other) for match, other in named if match]
        return cls(tuple(_existing([(0, 0, path), *sorted(found)])))

    @property
    def size_bytes(self) -> int:
        """How long the output is, dropped bytes included."""
        return self.segments[-1].end if self.segments else 0

    @property
    def dropped_bytes(self) -> int:
        """How much of it is not kept."""
        return self.size_bytes - sum(s.size_bytes for s in self.segments)


def last_line(kept: KeptOutput) -> int:
    """How many lines of an output end before its end."""
    if not kept.segments:
        return 0
    last = kept.segments[-1]
    line = last.first_line
    with last.opened() as file:
        while data := file.read(1 << 20):
            line += data.count(b"\n")
    return line


@dataclass(frozen=True)
class OutputPiece:
    """Bytes of an output, and where to go on."""

    data: bytes
    next_offset: int
    size_bytes: int
    dropped_bytes: int


def read_output(path: Path, offset: int, max_bytes: int = _MAX_READ_BYTES) -> OutputPiece:
    """Bytes from a logical offset; a dropped stretch is jumped over."""
    kept = KeptOutput.of(path)
    data = b""
    for segment in kept.segments:
        if segment.end > offset and len(data) < max_bytes:
            offset = max(offset, segment.start)
            piece = segment.read(offset, max_bytes - len(data))
            data += piece
            offset += len(piece)
    return OutputPiece(data, offset, kept.size_bytes, kept.dropped_bytes)


def read_output_between(path: Path, after: int, upto: int) -> OutputPiece:
    """Bytes between two logical offsets, as far as they were kept."""
    kept = KeptOutput.of(path)
    data, at = b"", after
    for segment in kept.segments:
        first, last = max(after, segment.start), min(upto, segment.end, after + _MAX_READ_BYTES)
        if first < last:
            data += segment.read(first, last - first)
            at = last
    return OutputPiece(data, at, kept.size_bytes, kept.dropped_bytes)


def read_output_tail(path: Path, max_bytes: int) -> OutputPiece:
    """The last bytes of an output."""
    return read_output(path, max(KeptOutput.of(path).size_bytes - max_bytes, 0), max_bytes)


def last_lines(path: Path, count: int) -> list[str]:
    """The last non-empty lines, as plain text."""
    text = read_output_tail(path, 64 << 10).data.decode(errors="replace")
    lines = [plain(line) for line in text.split("\n")]
    return [line for line in lines if line][-count:]


def plain(line: str) -> str:
    """A line as plain text: without colours, a progress bar reduced to its last state."""
    return _CONTROL.sub("", line).rstrip().rsplit("\r", 1)[-1]


def _existing(found: list[tuple[int, int, Path]]) -> Iterator[Segment]:
    for start, first_line, path in found:
        with contextlib.suppress(OSError):
            info = path.lstat()
            if stat.S_ISREG(info.st_mode):
                yield Segment(path, start, first_line, info.st_size)
