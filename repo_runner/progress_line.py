"""A run's state as one line of text, and a terminal line that rewrites itself."""

from __future__ import annotations

import shutil
from typing import TextIO

from repo_runner.models import Progress, Run, RunStatus


def describe(run: Run) -> str:
    """Such as `running · training · epoch 3 of 15 · 21 % · 14 s left · val_acc 0.9611`."""
    parts = [run.status.value]
    if run.status is RunStatus.PENDING and run.queue_position:
        parts.append(f"place {run.queue_position} in the queue")
    if run.status is RunStatus.RUNNING:
        parts.append(run.phase.value)
        left = run.grace_left_s
        parts.extend([stopping(left)] if left is not None else _progress(run.progress))
    if run.best_model_score is not None:
        parts.append(f"{run.monitor or 'score'} {run.best_model_score:.4g}")
    if run.failure:
        parts.append(run.failure.message)
    return " · ".join(parts)


def duration(seconds: float) -> str:
    """Such as `42 s`, `3 min 05 s`, `2 h 10 min`."""
    whole = int(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"


def stopping(left_s: float) -> str:
    """What is said from the wish to stop until it is fulfilled."""
    if left_s:
        return f"stopping: it may save, {duration(left_s)} left"
    return "stopping: its time to save is over, it is being ended"


def _progress(progress: Progress | None) -> list[str]:
    if progress is None:
        return []
    parts = [progress.stage] if progress.stage and progress.stage != "train" else []
    if progress.epoch is not None:
        parts.append(_epoch(progress.epoch, progress.max_epochs))
    if progress.fraction is not None:
        parts.append(f"{progress.fraction * 100:.0f} %")
    if progress.eta_s is not None:
        parts.append(f"{duration(progress.eta_s)} left")
    if progress.message:
        parts.append(progress.message)
    return parts


def _epoch(epoch: int, max_epochs: int | None) -> str:
    """From 1, as people count; after the last one Lightning counts on."""
    return (
        f"epoch {min(epoch + 1, max_epochs)} of {max_epochs}"
        if max_epochs
        else f"epoch {epoch + 1}"
    )


class ProgressLine:
    """One line that is rewritten in place on a terminal; elsewhere a new line for each new state."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._live = stream.isatty()
        self._shown = ""

    def __enter__(self) -> ProgressLine:
        return self

    def __exit__(self, *_: object) -> None:
        if self._live and self._shown:
            self._stream.write("\n")

    def show(self, text: str) -> None:
        """Show the newest state."""
        if text == self._shown:
            return
        self._shown = text
        if self._live:
            width = shutil.get_terminal_size().columns - 1
            self._stream.write(f"\r\x1b[2K{text[:width]}")
        else:
            self._stream.write(text + "\n")
        self._stream.flush()
