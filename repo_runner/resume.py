"""What a new attempt goes on from: the checkpoint of the attempt before it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from repo_runner.events import read_batch
from repo_runner.models import Checkpoint
from repo_runner.paths import RunPaths


@dataclass(frozen=True)
class ResumePoint:
    """A checkpoint, and the fit of the script's process (from 1) that goes on from it."""

    path: Path
    fit: int = 1


@dataclass(frozen=True)
class EarlierAttempts:
    """What the stream says of the attempts so far."""

    #: The checkpoints the run folder holds.
    checkpoints: tuple[Checkpoint, ...]
    #: Where a new attempt goes on; None: it begins anew.
    resume_point: ResumePoint | None

    @classmethod
    def of(cls, paths: RunPaths) -> EarlierAttempts:
        """Read the stream from its beginning."""
        items: list[dict[str, Any]] = []
        saved: ResumePoint | None = None
        attempts, attempt, offset = 0, 1, 0
        while (batch := read_batch(paths.events, offset)).next_offset != offset:
            offset = batch.next_offset
            for event in batch.events:
                attempts += event.get("kind") == "attempt"
                items = event["items"] if event.get("kind") == "checkpoints" else items
                if event.get("kind") == "attempt":
                    attempt = int(event["attempt"])
                if event.get("kind") == "stop_checkpoint":
                    # By its place in this folder: the run may have been on another machine then.
                    saved = ResumePoint(paths.stop_checkpoint(attempt), event["fit"])
        known = tuple(Checkpoint.model_validate(item) for item in items)
        return cls(known, _resume_point(paths, known, saved) if attempts > 1 else None)


def _resume_point(
    paths: RunPaths, known: tuple[Checkpoint, ...], saved: ResumePoint | None
) -> ResumePoint | None:
    """What the stop saved (exact to the step); else the newest checkpoint of the script."""
    if saved is not None and saved.path.exists():
        return saved
    if not known:
        return None
    newest = max(known, key=lambda c: (c.saved_at, c.is_last))
    return ResumePoint(paths.checkpoints / newest.name)
