"""Clocks that never jump: wall time as this process first saw it, and seconds since the machine's boot."""

from __future__ import annotations

import time


def ticks_s() -> float:
    """Seconds since the machine's boot, the same for every process of it; a suspended machine counts too."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if _HAS_BOOTTIME else time.monotonic()


def now() -> float:
    """Unix seconds that only grow by what has passed, however the wall clock is set meanwhile."""
    return _FIRST_WALL_S + (ticks_s() - _FIRST_TICKS_S)


_HAS_BOOTTIME = hasattr(time, "CLOCK_BOOTTIME")
_FIRST_WALL_S, _FIRST_TICKS_S = time.time(), ticks_s()
