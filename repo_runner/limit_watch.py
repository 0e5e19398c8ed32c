"""Says when a running script has reached a limit of its run: time, memory, disk or silence."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from repo_runner import process
from repo_runner.clock import now
from repo_runner.events import EventWriter
from repo_runner.models import Failure, Limits
from repo_runner.quantity import format_bytes, format_seconds

_MEMORY_EVERY_S = 1.0
_DISK_EVERY_S = 5.0
#: A folder whose files take long to count is counted less often.
_DISK_SHARE = 20


class LimitWatch:
    """One script's; by the clock that neither jumps nor counts while the machine is suspended."""

    def __init__(self, limits: Limits, folder: Path, writer: EventWriter) -> None:
        self._limits = limits
        self._folder = folder
        self._writer = writer
        self._started_at = self._active_at = time.monotonic()
        self._activity = 0
        self._is_silent = False
        self._memory_due_at = self._disk_due_at = 0.0

    def look(self, activity: int) -> Failure | None:
        """The limit that is reached; `activity` grows with the script's output and progress."""
        checks: tuple[Callable[[], Failure | None], ...] = (self._time, self._memory, self._disk)
        self._note_activity(activity)
        return next((found for check in checks if (found := check())), self._silence())

    def _time(self) -> Failure | None:
        limit = self._limits.time_s
        if limit is None or time.monotonic() - self._started_at < limit:
            return None
        return Failure(
            error_code="limit_time",
            message=f"The script ran longer than its limit of {format_seconds(limit)} and was ended.",
            hint="Resume the run with what it saved, or run it again with a longer limits.time_s.",
        )

    def _memory(self) -> Failure | None:
        limit = self._limits.memory_bytes
        if limit is None or time.monotonic() < self._memory_due_at:
            return None
        self._memory_due_at = time.monotonic() + _MEMORY_EVERY_S
        used = process.tree_memory(limit)
        if used <= limit:
            return None
        return Failure(
            error_code="limit_memory",
            message=f"The script's processes used {format_bytes(used)} of memory, more than their limit of "
            f"{format_bytes(limit)}, and were ended.",
            hint="Use a smaller batch size or fewer workers, or run it again with more limits.memory_bytes.",
        )

    def _disk(self) -> Failure | None:
        limit = self._limits.disk_bytes
        if limit is None or time.monotonic() < self._disk_due_at:
            return None
        began = time.monotonic()
        used = folder_bytes(self._folder)
        took = time.monotonic() - began
        self._disk_due_at = began + max(_DISK_EVERY_S, _DISK_SHARE * took)
        if used <= limit:
            return None
        return Failure(
            error_code="limit_disk",
            message=f"The run's folder holds {format_bytes(used)}, more than its limit of {format_bytes(limit)}, "
            "so the script was ended.",
            hint="Keep fewer checkpoints, or run it again with more limits.disk_bytes.",
        )

    def _note_activity(self, activity: int) -> None:
        if activity == self._activity:
            return
        self._activity, self._active_at = activity, time.monotonic()
        if self._is_silent:
            self._is_silent = False
            self._writer.write("silence", since=None)

    def _silence(self) -> Failure | None:
        limit, silent_s = self._limits.silence_s, time.monotonic() - self._active_at
        if limit is None or silent_s < limit:
            return None
        if not self._is_silent:
            self._is_silent = True
            self._writer.write("silence", since=now() - silent_s)
        if self._limits.on_silence == "flag":
            return None
        return Failure(
            error_code="limit_silence",
            message=f"The script gave neither output nor progress for {format_seconds(limit)} and was ended.",
            hint="Look where it hangs in the last lines; or run it again with a longer limits.silence_s.",
        )


def folder_bytes(folder: Path) -> int:
    """What the files below a folder take on disk; whatever disappears meanwhile takes nothing."""
    total, folders = 0, [str(folder)]
    while folders:
        try:
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
                    else:
                        total += entry.stat(follow_symlinks=False).st_blocks * 512
        except OSError:
            continue
    return total
