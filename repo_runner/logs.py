"""Reading a run's output: a piece after an offset, the tail, or all of it. Searching it is `log_search`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from repo_runner.byte_range import ByteRange
from repo_runner.errors import ArtifactChanged
from repo_runner.kept_output import (
    KeptOutput,
    Segment,
    read_output,
    read_output_between,
    read_output_tail,
)
from repo_runner.models import LogSlice

_TAIL_BYTES = 64 << 10
_PIECE_BYTES = 1 << 20


def read_log(
    path: Path, *, after: int | None, tail: int | None, upto: int | None = None
) -> LogSlice:
    """Text after a byte offset (and up to another), or the last `tail` bytes."""
    if after is None:
        piece = read_output_tail(path, tail or _TAIL_BYTES)
    elif upto is None:
        piece = read_output(path, after)
    else:
        piece = read_output_between(path, after, upto)
    return LogSlice(
        text=piece.data.decode(errors="replace"),
        next_offset=piece.next_offset,
        size_bytes=piece.size_bytes,
        dropped_bytes=piece.dropped_bytes,
    )


@dataclass(frozen=True)
class WholeLog:
    """All that is kept of a log at one moment, as one file; what was dropped is a line in its place."""

    parts: tuple[bytes | Segment, ...]

    @classmethod
    def of(cls, path: Path) -> WholeLog:
        """Look at the files as they are now."""
        parts: list[bytes | Segment] = []
        offset = 0
        for segment in KeptOutput.of(path).segments:
            if segment.start > offset:
                parts.append(f"\n[{segment.start - offset} bytes were not kept]\n".encode())
            offset = segment.end
            parts.append(segment)
        return cls(tuple(parts))

    @property
    def size_bytes(self) -> int:
        """As many bytes as `read` gives."""
        return sum(map(_size, self.parts))

    def read(self, part: ByteRange | None = None) -> Iterator[bytes]:
        """The bytes of a range, or all; raises ArtifactChanged where some were dropped meanwhile."""
        first, end = (part.first, part.last + 1) if part else (0, self.size_bytes)
        start = 0
        for one in self.parts:
            inside = (max(first - start, 0), min(end - start, _size(one)))
            if inside[0] < inside[1]:
                yield from _read(one, *inside)
            start += _size(one)


def _size(part: bytes | Segment) -> int:
    return part.size_bytes if isinstance(part, Segment) else len(part)


def _read(part: bytes | Segment, first: int, end: int) -> Iterator[bytes]:
    if not isinstance(part, Segment):
        yield part[first:end]
        return
    with part.opened() as file:
        while first < end:
            data = os.pread(file.fileno(), min(_PIECE_BYTES, end - first), first)
            if not data:
                raise ArtifactChanged
            yield data
            first += len(data)
