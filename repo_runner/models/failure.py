"""Why a run failed."""

from __future__ import annotations

from repo_runner.models.record import Record


class Failure(Record):
    """Why a run failed: data, not an exception."""

    error_code: str
    message: str
    hint: str = ""
    #: The lines that show it, oldest first.
    lines: tuple[str, ...] = ()
