"""The memory of the descendants of this process, as a sum."""

from __future__ import annotations

import contextlib

import psutil


def tree_memory(more_than: int) -> int:
    """Bytes of memory; shared ones are divided (PSS, which is slow to ask) where the quick sum exceeds `more_than`."""
    found = psutil.Process().children(recursive=True)
    resident = sum(_resident(process) for process in found)
    return resident if resident <= more_than else sum(_proportional(process) for process in found)


def _resident(process: psutil.Process) -> int:
    with contextlib.suppress(psutil.Error):
        return int(process.memory_info().rss)
    return 0


def _proportional(process: psutil.Process) -> int:
    """Where PSS is not told (another system, another person's process) resident memory is the next best."""
    with contextlib.suppress(psutil.Error):
        return int(getattr(process.memory_full_info(), "pss", 0)) or _resident(process)
    return _resident(process)
