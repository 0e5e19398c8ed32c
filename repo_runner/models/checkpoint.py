"""A checkpoint of a run."""

from __future__ import annotations

from datetime import datetime

from repo_runner.models.record import Record


class Checkpoint(Record):
    """A checkpoint the script saved, as copied into the run folder."""

    #: File name inside the run's `checkpoints/`.
    name: str
    #: Path the script saved it to, as Lightning reports it.
    path: str
    monitor: str | None = None
    mode: str | None = None
    score: float | None = None
    epoch: int | None = None
    step: int | None = None
    is_best: bool = False
    is_last: bool = False
    sha256: str
    size_bytes: int
    saved_at: datetime
