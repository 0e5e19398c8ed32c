"""What a new attempt goes on from: the checkpoint of the attempt before it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from repo_runner.events import read_batch
from repo_runner.models import Checkpoint
from repo_runner.paths import RunPaths


def known_checkpoints(paths: RunPaths) -> tuple[Checkpoint, ...]:
    """The checkpoints the run folder holds, by the newest event that lists them."""
    offset = 0
    items: list[dict[str, Any]] = []
    while True:
        batch = read_batch(paths.events, offset)
        if batch.next_offset == offset:
            return tuple(Checkpoint.model_validate(item) for item in items)
        offset = batch.next_offset
        for event in batch.events:
            items = event["items"] if event.get("kind") == "checkpoints" else items


def checkpoint_for(paths: RunPaths, attempt: int, known: tuple[Checkpoint, ...]) -> Path | None:
    """What the stopped attempt saved; else the newest checkpoint of the script; None for a first attempt."""
    for earlier in range(attempt - 1, 0, -1):
        if paths.stop_checkpoint(earlier).exists():
            return paths.stop_checkpoint(earlier)
    if attempt == 1 or not known:
        return None
    return paths.checkpoints / max(known, key=lambda c: (c.saved_at, c.is_last)).name
