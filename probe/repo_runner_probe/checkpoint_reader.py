"""What the script's own ModelCheckpoints have written."""

from __future__ import annotations

import os
import time
from typing import Any, Callable

from repo_runner_probe.lightning_types import Trainer
from repo_runner_probe.scalars import Number, number

#: An asynchronous writer announces a checkpoint before it exists.
LONGEST_WAIT_S = 60.0
MOST_PATHS = 50
PATHS = ("best_model_path", "last_model_path", "_last_checkpoint_saved")


class CheckpointReader:
    """Reports a state once, and only when the files it names are there."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        #: Path and time of writing of each file when it was last reported.
        self._reported: list[tuple[str, int]] = []
        self._waiting_since: float | None = None
        #: Relative paths are those of the folder the script was in when it wrote.
        self._absolute: dict[str, str] = {}

    def skip(self, trainer: Trainer) -> None:
        """Count what is there now, from an earlier call, as reported."""
        self._reported = self._files(list(trainer.checkpoint_callbacks))

    def new(self, trainer: Trainer) -> list[dict[str, Any]]:
        """Return every ModelCheckpoint, if one of them has written since the last time."""
        callbacks = list(trainer.checkpoint_callbacks)
        files = self._files(callbacks)
        if files == self._reported or not any(path for path, _ in files) or self._must_wait(files):
            return []
        self._waiting_since = None
        self._reported = files
        descriptions = [self._description(i, callback) for i, callback in enumerate(callbacks)]
        self._forget_old_paths(callbacks)
        return descriptions

    def _files(self, callbacks: list[Any]) -> list[tuple[str, int]]:
        return [self._file(callback, name) for callback in callbacks for name in PATHS]

    def _file(self, callback: Any, name: str) -> tuple[str, int]:
        path = self._path(getattr(callback, name, None)) or ""
        try:
            return path, os.stat(path).st_mtime_ns
        except OSError:
            return path, 0

    def _must_wait(self, files: list[tuple[str, int]]) -> bool:
        if all(written_at or not path or "://" in path for path, written_at in files):
            return False
        if self._waiting_since is None:
            self._waiting_since = self._clock()
        return self._clock() - self._waiting_since < LONGEST_WAIT_S

    def _description(self, index: int, callback: Any) -> dict[str, Any]:
        best_k: dict[str, Any] = getattr(callback, "best_k_models", None) or {}
        return {
            "i": index,
            "cls": type(callback).__name__,
            "monitor": getattr(callback, "monitor", None),
            "mode": getattr(callback, "mode", None),
            "best_path": self._path(getattr(callback, "best_model_path", None)),
            "best_score": _score(getattr(callback, "best_model_score", None)),
            "current": _score(getattr(callback, "current_score", None)),
            "last_path": self._path(getattr(callback, "last_model_path", None)),
            "last_saved": self._path(getattr(callback, "_last_checkpoint_saved", None)),
            "best_k": [self._path(path) for path in list(best_k)[-MOST_PATHS:]],
            "dirpath": self._path(getattr(callback, "dirpath", None)),
        }

    def _path(self, path: Any) -> str | None:
        if not path:
            return None
        path = str(path)
        return self._absolute.setdefault(path, path if "://" in path else os.path.abspath(path))

    def _forget_old_paths(self, callbacks: list[Any]) -> None:
        # Of thousands of checkpoints of a long training, those that can still be asked for.
        used = {str(getattr(callback, name, None)) for callback in callbacks for name in PATHS}
        for callback in callbacks:
            used.update(list(getattr(callback, "best_k_models", None) or {})[-MOST_PATHS:])
        self._absolute = {path: known for path, known in self._absolute.items() if path in used}


def _score(value: Any) -> Number | None:
    return None if value is None else number(value)
