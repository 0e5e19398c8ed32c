"""What was found in a run's output."""

from __future__ import annotations

from repo_runner.models.record import Record


class LogMatch(Record):
    """A line that was looked for, as plain text, and the lines around it."""

    #: Number of the line in the whole output, from 1; dropped lines count.
    line: int
    #: Byte offset where the line begins (`after=` reads from here).
    offset: int
    #: Of a progress bar the state that matches; of a very long line the part around the match.
    text: str
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()


class LogSearch(Record):
    """The lines of a kept log that hold a word, oldest first."""

    matches: tuple[LogMatch, ...]
    #: Where to go on (`after=`) when there are more matches than asked for; None: the whole kept log was searched.
    next_offset: int | None = None
    #: As in LogSlice: the dropped part cannot be searched.
    size_bytes: int
    dropped_bytes: int = 0
