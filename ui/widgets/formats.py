"""Numbers, sizes and times as people read them."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any

MINUTE_S, HOUR_S, DAY_S = 60, 3600, 86400


def duration(seconds: float | None) -> str:
    """Two units at most: `8 s`, `3 min 04 s`, `2 h 05 min`, `1 d 3 h`."""
    if seconds is None:
        return "–"
    if seconds < 10 and seconds != int(seconds):
        return f"{max(seconds, 0):.1f} s"
    whole = max(round(seconds), 0)
    if whole < MINUTE_S:
        return f"{whole} s"
    if whole < HOUR_S:
        return f"{whole // MINUTE_S} min {whole % MINUTE_S:02d} s"
    if whole < DAY_S:
        return f"{whole // HOUR_S} h {whole % HOUR_S // MINUTE_S:02d} min"
    return f"{whole // DAY_S} d {whole % DAY_S // HOUR_S} h"


def eta(seconds: float | None) -> str:
    """How long it will still take, no more precise than it can be known."""
    if seconds is None:
        return ""
    if seconds < 10:
        return "a few seconds left"
    if seconds < 55:
        return f"about {math.ceil(seconds / 10) * 10} s left"
    if seconds < HOUR_S:
        return f"about {math.ceil(seconds / MINUTE_S)} min left"
    return f"about {duration(math.ceil(seconds / MINUTE_S) * MINUTE_S)} left"


def number(value: float | None) -> str:
    """Four significant digits; large whole numbers keep all theirs, grouped by thousands."""
    if value is None:
        return "–"
    if not math.isfinite(value):
        return str(value)
    if value == int(value) and (1000 <= abs(value) < 1e9 or value == 0):
        return f"{int(value):,}"
    if 1e-4 <= abs(value) < 1e6:
        return f"{value:,.{max(0, 3 - math.floor(math.log10(abs(value))))}f}"
    return f"{value:.3e}".replace("e-0", "e-").replace("e+0", "e")


def size(count: float) -> str:
    """Bytes in the decimal units that disks are sold in."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" or count >= 100 else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def iso(moment: datetime | None) -> str | None:
    """A moment as the browser reads it."""
    return moment.isoformat() if moment else None


def short_sha(sha: str) -> str:
    """The first seven characters of a commit."""
    return sha[:7]


def plain(value: Any) -> str:
    """Any value of a run (a hyperparameter, a version) as one line of text."""
    if isinstance(value, bool) or value is None:
        return str(value)
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, (list, tuple)):
        return ", ".join(plain(item) for item in value)
    if isinstance(value, dict):
        return ", ".join(f"{key}: {plain(item)}" for key, item in value.items())
    return str(value)
