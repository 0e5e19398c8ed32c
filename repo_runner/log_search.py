"""Finds the lines of a kept output that hold a word, with the lines around them.

Bytes are looked through in pieces that fit the processor's cache; only what was found is read as lines. One match a
line is enough, and a progress bar (states divided by carriage returns) is one line.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from repo_runner.kept_output import KeptOutput, Segment, plain
from repo_runner.models import LogMatch, LogSearch

_PIECE_BYTES = 128 << 10
#: How far around a match its lines are looked for, and how much of one line is shown.
_REACH_BYTES = 16 << 10
_SHOWN_CHARS = 2000


@dataclass(frozen=True)
class Search:
    """What is looked for."""

    q: str
    #: Lines shown before and after each match.
    context: int = 2
    #: Otherwise A to Z count as a to z.
    match_case: bool = False
    limit: int = 200
    #: Where to begin: 0, or the `next_offset` of the search before.
    after: int = 0

    @property
    def needle(self) -> bytes:
        """The word as bytes."""
        return self._folded(self.q.encode())

    def _folded(self, data: bytes) -> bytes:
        return data if self.match_case else data.lower()

    def find(self, data: bytes) -> Iterator[int]:
        """Where the first match of each line is."""
        folded, needle = self._folded(data), self.needle
        at = folded.find(needle)
        while at >= 0:
            yield at
            line_end = folded.find(b"\n", at + len(needle))
            at = folded.find(needle, line_end) if line_end >= 0 else -1


def search_log(path: Path, search: Search) -> LogSearch:
    """The lines that match, oldest first, up to the limit; then `next_offset` says where to go on."""
    kept = KeptOutput.of(path)
    found = list(islice(_hits(kept, search), search.limit + 1))
    further = found[search.limit :]
    return LogSearch(
        matches=tuple(_match(hit, search) for hit in found[: search.limit]),
        next_offset=further[0].offset if further else None,
        size_bytes=kept.size_bytes,
        dropped_bytes=kept.dropped_bytes,
    )


@dataclass(frozen=True)
class _Hit:
    segment: Segment
    offset: int
    line: int


def _hits(kept: KeptOutput, search: Search) -> Iterator[_Hit]:
    """Matches of the whole output, each on another line."""
    last_line = 0
    for segment in kept.segments:
        with segment.opened() as file:
            for hit in _hits_in(segment, file, search):
                if hit.line > last_line:
                    last_line = hit.line
                    yield hit


def _hits_in(segment: Segment, file: BinaryIO, search: Search) -> Iterator[_Hit]:
    counted = _LineCount(segment, file)
    for offset, data in _pieces(segment, file, search):
        for at in search.find(data):
            yield _Hit(segment, offset + at, counted.line_of(offset + at))


def _pieces(segment: Segment, file: BinaryIO, search: Search) -> Iterator[tuple[int, bytes]]:
    """Each piece begins with the end of the one before, so that no match is cut in two."""
    step = _PIECE_BYTES - (len(search.needle) - 1)
    offset = max(search.after, segment.start)
    while data := os.pread(file.fileno(), _PIECE_BYTES, offset - segment.start):
        yield offset, data
        if len(data) < _PIECE_BYTES:
            return
        offset += step


class _LineCount:
    """The number of a line by its offset, for growing offsets: counted only as far as there are matches."""

    def __init__(self, segment: Segment, file: BinaryIO) -> None:
        self._start = segment.start
        self._file = file
        self._offset = segment.start
        self._line = segment.first_line + 1

    def line_of(self, offset: int) -> int:
        """The first line is 1."""
        while self._offset < offset:
            size = min(_PIECE_BYTES, offset - self._offset)
            data = os.pread(self._file.fileno(), size, self._offset - self._start)
            self._line += data.count(b"\n")
            self._offset += size
        return self._line


def _match(hit: _Hit, search: Search) -> LogMatch:
    start = max(hit.offset - _REACH_BYTES, hit.segment.start)
    data = hit.segment.read(start, 2 * _REACH_BYTES)
    at = hit.offset - start
    line_start, line_end = data.rfind(b"\n", 0, at) + 1, data.find(b"\n", at)
    line_end = line_end if line_end >= 0 else len(data)
    before = data[: max(line_start - 1, 0)].split(b"\n") if line_start else []
    after = data[line_end + 1 :].split(b"\n") if line_end < len(data) else []
    return LogMatch(
        line=hit.line,
        offset=start + line_start,
        text=_state(data[line_start:line_end], at - line_start),
        before=_shown(before[len(before) - min(search.context, len(before)) :]),
        after=_shown(after[: search.context]),
    )


def _state(line: bytes, at: int) -> str:
    """The state of a progress bar that holds the match; of any other line, the line, or what is around the match."""
    start = line.rfind(b"\r", 0, at) + 1
    end = line.find(b"\r", at)
    state = line[start : end if end >= 0 else None]
    first = max(at - start - _SHOWN_CHARS // 2, 0)
    return plain(state[first : first + _SHOWN_CHARS].decode(errors="replace"))


def _shown(lines: list[bytes]) -> tuple[str, ...]:
    return tuple(plain(line.decode(errors="replace"))[:_SHOWN_CHARS] for line in lines)
