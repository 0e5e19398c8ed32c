"""Reading a run's output: a piece after an offset, the tail, or all of it. Searching it is `log_search`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from repo_runner.kept_output import (
    KeptOutput,
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


def whole_log(path: Path) -> Iterator[bytes]:
    """Piece by piece; where something was dropped, a line says how much."""
    offset = 0
    for segment in KeptOutput.of(path).segments:
        if segment.start > offset:
            yield f"\n[{segment.start - offset} bytes were not kept]\n".encode()
        offset = segment.start
        while data := segment.read(offset, _PIECE_BYTES):
            yield data
            offset += len(data)
