"""Follows a run's log for one session: asks only for what is new and keeps only what a terminal would show."""

from __future__ import annotations

import re

import streamlit as st

from repo_runner.models import LogSlice
from ui.connection import client
from ui.widgets.terminal import Screen

#: Of a longer log the page begins with its end.
FIRST_BYTES = 1 << 20
#: A piece may end within a control sequence or a character: both wait for the next piece.
_UNFINISHED = re.compile("(?:\x1b[^@-Z\\\\^-~\x07]{0,40}(?:\\[[^@-~]{0,40})?|\ufffd{1,3})$")


class LogReader:
    """One log of one run."""

    def __init__(self, run_id: str, stream: str) -> None:
        self.source = (run_id, stream)
        self._screen: Screen | None = None
        self.size_bytes = 0
        self.dropped_bytes = 0
        self.skipped_bytes = 0

    def lines(self) -> list[tuple[int, str]]:
        """Return the lines read so far; the first one only if it was read from its beginning."""
        lines = self._screen.lines() if self._screen else []
        whole = not self.skipped_bytes or not lines or lines[0][0] > self.skipped_bytes
        return lines if whole else lines[1:]

    @property
    def end(self) -> int:
        """The place up to which it was read."""
        return self._screen.end if self._screen else 0

    def read(self) -> None:
        """Take in what was written since the last time; raises `RunnerError`."""
        if self._screen is None or self._ask(self._screen.end) < self._screen.end:
            self._begin()

    def _begin(self) -> None:
        run_id, stream = self.source
        piece = client().logs(run_id, tail=FIRST_BYTES, stream=stream)
        self.skipped_bytes = max(0, piece.size_bytes - FIRST_BYTES)
        self._screen = Screen(self.skipped_bytes)
        self._take(piece)

    def _ask(self, after: int) -> int:
        """Read a piece and return the size of the log, which shrinks only if it began anew."""
        run_id, stream = self.source
        piece = client().logs(run_id, after=after, stream=stream)
        if piece.size_bytes >= after:
            self._take(piece)
        return piece.size_bytes

    def _take(self, piece: LogSlice) -> None:
        assert self._screen is not None  # set by the callers
        self.size_bytes, self.dropped_bytes = piece.size_bytes, piece.dropped_bytes
        finished = _UNFINISHED.sub("", piece.text)
        if "\ufffd" in finished or len(finished) < len(piece.text) - 100:
            finished = piece.text  # bytes that are no text: their number is not known from it
        self._screen.feed(_encoded(finished))
        if finished == piece.text:
            self._screen.end = piece.next_offset


def reader_of(run_id: str, stream: str) -> LogReader:
    """Return this session's reader of a log; it has one at a time."""
    reader: LogReader | None = st.session_state.get("log_reader")
    if reader is None or reader.source != (run_id, stream):
        reader = LogReader(run_id, stream)
        st.session_state["log_reader"] = reader
    return reader


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
