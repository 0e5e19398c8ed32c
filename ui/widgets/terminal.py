"""What a terminal would show of a piece of output: progress bars rewrite their line instead of adding one.

Bars do not only go back with a carriage return: tqdm draws an inner bar by going one line down and up again, thousands
of times an epoch. Colours stay in the text (`ESC [ … m`, which the element turns into spans); whatever else controls a
terminal is obeyed or left out.
"""

from __future__ import annotations

import re

_TOKEN = re.compile(
    rb"(?P<newline>\n)|(?P<back>\r)"
    rb"|\x1b\[(?P<move>\d{0,4})(?P<up>[AF])"
    rb"|\x1b\[(?P<down>\d{0,4})[BE]"
    rb"|(?P<erase>\x1b\[[012]?K)"
    rb"|(?P<text>(?:[^\x00-\x08\x0a-\x1f\x7f]|\x1b\[[\d;]*m)+)"
    rb"|\x1b\[[0-9;?<=>]*[ -/]*[@-~]"  # other moves and modes
    rb"|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?"  # titles and links
    rb"|\x1b[PX^_][^\x1b]*(?:\x1b\\)?|\x1b[^\[\]]|."
)
#: Characters that reorder the text around them, and the eight-bit forms of control characters.
_HIDDEN = re.compile("[\u0080-\u009f\u202a-\u202e\u2066-\u2069]")
MAX_LINE = 4000
#: As many as a person scrolls through.
MAX_ROWS = 800


def screen(data: bytes, start: int) -> list[tuple[int, str]]:
    """Return the lines of one piece that begins at `start` of the whole output."""
    rows = Screen(start)
    rows.feed(data)
    return rows.lines()


class Screen:
    """The rows written so far and the cursor; what was written long ago is forgotten.

    A row is the place in the whole output where it began, by which it is known, and its bytes.
    """

    def __init__(self, start: int, max_rows: int = MAX_ROWS) -> None:
        self.end = start
        self._max_rows = max_rows
        self._rows: list[tuple[int, bytes]] = [(start, b"")]
        self._at = 0
        #: After a carriage return the next text replaces the row.
        self._rewinds = False

    def feed(self, data: bytes) -> None:
        """Write what follows."""
        for token in _TOKEN.finditer(data):
            self._obey(token, self.end + token.end())
        self.end += len(data)
        if len(self._rows) > 2 * self._max_rows:
            excess = min(len(self._rows) - self._max_rows, self._at)
            del self._rows[:excess]
            self._at -= excess

    def lines(self) -> list[tuple[int, str]]:
        """Return the last rows as text, without the empty ones at the end."""
        lines = [(place, _clean(text)) for place, text in self._rows[-self._max_rows :]]
        while lines and not lines[-1][1].strip():
            lines.pop()
        return lines

    def first_lines(self) -> list[tuple[int, str]]:
        """Return all rows of a piece that was fed at once."""
        return [(place, _clean(text)) for place, text in self._rows]

    def _obey(self, token: re.Match[bytes], end: int) -> None:
        """Do what a token says; `end` is where it ends in the whole output."""
        kind = token.lastgroup
        if kind == "text":
            self._write(token["text"])
        elif kind == "newline":
            self._newline(end)
        elif kind == "back":
            self._rewinds = True
        elif kind == "up":
            self._at = max(0, self._at - int(token["move"] or 1))
        elif kind == "down":
            self._at = min(len(self._rows) - 1, self._at + int(token["down"] or 1))
        elif kind == "erase" and self._rewinds:
            self._rows[self._at] = (self._rows[self._at][0], b"")

    def _write(self, text: bytes) -> None:
        place, old = self._rows[self._at]
        self._rows[self._at] = (place, text if self._rewinds else old + text)
        self._rewinds = False

    def _newline(self, end: int) -> None:
        self._at += 1
        if self._at == len(self._rows):
            self._rows.append((end, b""))
        # The next row may hold a bar that is about to be drawn anew.
        self._rewinds = True


def _clean(raw: bytes) -> str:
    text = _HIDDEN.sub("", raw.decode("utf-8", "replace")).rstrip()
    return text if len(text) <= MAX_LINE else f"{text[:MAX_LINE]} … ({len(text):,} characters)"
