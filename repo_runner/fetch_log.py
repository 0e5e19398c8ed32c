"""What was said while a repository was fetched: a line a step, its progress rewriting the line as in a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from repo_runner.masking import mask_text
from repo_runner.models import OnProgress


class FetchLog:
    """Appends to a run's `fetch.log`, and hands every report on."""

    def __init__(self, path: Path, on_progress: OnProgress, secrets: Sequence[str] = ()) -> None:
        self._path = path
        self._on_progress = on_progress
        self._secrets = secrets
        self._step = ""

    def say(self, line: str) -> None:
        """A line of its own."""
        self._append(f"\n{line}" if self._step else line)
        self._append("\n")
        self._step = ""

    def __call__(self, stage: str, fraction: float | None, message: str) -> None:
        """See models.OnProgress. A step is known by the words before its figures."""
        step = message.partition(":")[0]
        start = "\r" if step == self._step else "\n" if self._step else ""
        self._append(start + message)
        self._step = step
        self._on_progress(stage, fraction, message)

    def _append(self, text: str) -> None:
        with self._path.open("a", errors="replace") as log:
            log.write(mask_text(text, self._secrets))
