"""A piece of a run's output."""

from __future__ import annotations

from repo_runner.models.record import Record


class LogSlice(Record):
    """A piece of a run's output."""

    text: str
    #: Byte offset to ask from next (`after=`).
    next_offset: int
    #: Bytes of the whole output so far, dropped ones included.
    size_bytes: int
    #: Bytes that fell out between the kept head and tail.
    dropped_bytes: int = 0
