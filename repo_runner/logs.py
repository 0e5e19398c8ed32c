"""Reading a run's output: a piece after an offset, the tail, or the lines that hold a word."""

from __future__ import annotations

from pathlib import Path

from repo_runner.models import LogSlice
from repo_runner.output import OutputPiece, read_output, read_output_tail

_TAIL_BYTES = 64 << 10
_MAX_MATCHES = 1000


def read_log(path: Path, *, after: int | None, tail: int | None, q: str) -> LogSlice:
    """Text after a byte offset; or the last `tail` bytes; or, with `q`, every line that holds it, up to 1000."""
    if q:
        return _search(path, q)
    piece = (
        read_output(path, after)
        if after is not None
        else read_output_tail(path, tail or _TAIL_BYTES)
    )
    return _slice(piece, piece.data.decode(errors="replace"))


def _search(path: Path, q: str) -> LogSlice:
    found: list[str] = []
    offset, rest = 0, ""
    wanted = q.lower()
    while True:
        piece = read_output(path, offset)
        if not piece.data:
            break
        lines = (rest + piece.data.decode(errors="replace")).split("\n")
        rest = lines.pop()
        found.extend(line for line in lines if wanted in line.lower())
        offset = piece.next_offset
    found.extend([rest] if wanted in rest.lower() else [])
    return _slice(piece, "\n".join(found[:_MAX_MATCHES]))


def _slice(piece: OutputPiece, text: str) -> LogSlice:
    return LogSlice(
        text=text,
        next_offset=piece.next_offset,
        size_bytes=piece.size_bytes,
        dropped_bytes=piece.dropped_bytes,
    )
