"""Reading a run's output: a piece after an offset, or the tail. Searching it is `log_search`."""

from __future__ import annotations

from pathlib import Path

from repo_runner.kept_output import read_output, read_output_tail
from repo_runner.models import LogSlice

_TAIL_BYTES = 64 << 10


def read_log(path: Path, *, after: int | None, tail: int | None) -> LogSlice:
    """Text after a byte offset, or the last `tail` bytes."""
    piece = (
        read_output(path, after)
        if after is not None
        else read_output_tail(path, tail or _TAIL_BYTES)
    )
    return LogSlice(
        text=piece.data.decode(errors="replace"),
        next_offset=piece.next_offset,
        size_bytes=piece.size_bytes,
        dropped_bytes=piece.dropped_bytes,
    )
