"""A part of a log away from its live end: it grows at both ends as one scrolls, and stays bounded."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from repo_runner.models import LogSlice
from ui.connection import client
from ui.widgets import formats
from ui.widgets.terminal import Screen

Line = tuple[int, str]

#: Before a place one has gone to.
BEFORE_BYTES = 4 << 10
PIECE_BYTES = 48 << 10
#: More would slow the page down; what is at the other end is read again when one goes back.
MAX_PIECES = 12


@dataclass(frozen=True)
class _Piece:
    """Whole lines."""

    start: int
    end: int
    lines: list[Line]


class LogPart:
    """The lines between two places of one log."""

    def __init__(self, run_id: str, stream: str, pieces: Sequence[_Piece], size_bytes: int) -> None:
        self.source = (run_id, stream)
        self.size_bytes = size_bytes
        self._pieces = deque(pieces)

    @classmethod
    def around(cls, run_id: str, stream: str, place: int) -> LogPart:
        """The lines from a little before a place on. Raises `RunnerError`."""
        part = cls(run_id, stream, [], 0)
        part._read_on(max(place - BEFORE_BYTES, 0), is_line_start=place <= BEFORE_BYTES)
        return part

    @classmethod
    def ending(
        cls, run_id: str, stream: str, lines: Sequence[Line], end: int, size_bytes: int
    ) -> LogPart:
        """The lines that are on the page already, and those before them. Raises `RunnerError`."""
        start = lines[0][0] if lines else end
        part = cls(run_id, stream, [_Piece(start, end, list(lines))], size_bytes)
        part.older()
        return part

    @property
    def lines(self) -> list[Line]:
        """All of them."""
        return [line for piece in self._pieces for line in piece.lines]

    @property
    def start(self) -> int:
        """The place of the first one."""
        return self._pieces[0].start

    @property
    def end(self) -> int:
        """The place after the last one."""
        return self._pieces[-1].end

    def older(self) -> None:
        """Read what comes before. Raises `RunnerError`."""
        if self.start == 0:
            return
        upto, marks = self.start, []
        found = self._read(max(upto - PIECE_BYTES, 0), upto)
        if not found.text and found.dropped_bytes:
            marks = [(upto - 1, f"… {formats.size(found.dropped_bytes)} were not kept …")]
            upto -= found.dropped_bytes
            found = self._read(max(upto - PIECE_BYTES, 0), upto)
        begin = max(upto - PIECE_BYTES, 0)
        if found.dropped_bytes:  # what was not kept may reach into the piece
            begin = upto - _size(found.text)
        cut = found.text.find("\n") + 1 if begin == upto - PIECE_BYTES else 0
        start = begin + _size(found.text[:cut])
        lines = [*_lines(found.text[cut:], start), *marks]
        self._pieces.appendleft(_Piece(start if found.text else 0, self.start, lines))
        if len(self._pieces) > MAX_PIECES:
            self._pieces.pop()

    def newer(self) -> None:
        """Read what comes after. Raises `RunnerError`."""
        self._read_on(self.end, is_line_start=True)
        if len(self._pieces) > MAX_PIECES:
            self._pieces.popleft()

    def _read_on(self, after: int, *, is_line_start: bool) -> None:
        found = self._read(after, after + PIECE_BYTES)
        text = found.text[: found.text.rfind("\n") + 1] or found.text
        start = found.next_offset - _size(found.text)
        if start == after and not is_line_start:  # otherwise what was not kept ended with a line
            cut = text.find("\n") + 1
            start, text = start + _size(text[:cut]), text[cut:]
        self._pieces.append(_Piece(start, start + _size(text), _lines(text, start)))

    def _read(self, after: int, upto: int) -> LogSlice:
        run_id, stream = self.source
        found = client().logs(run_id, after=after, upto=upto, stream=stream)
        self.size_bytes = found.size_bytes
        return found


def _lines(text: str, start: int) -> list[Line]:
    rows = Screen(start, max_rows=len(text) + 1)
    rows.feed(text.encode("utf-8", "surrogatepass"))
    lines = rows.first_lines()
    return lines if lines[-1][1] else lines[:-1]


def _size(text: str) -> int:
    """How many bytes a text was; of those that are no text one becomes one sign."""
    return len(text.replace("\ufffd", "?").encode("utf-8", "surrogatepass"))
