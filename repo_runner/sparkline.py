"""A run's most telling metric in a few values, for its row in the table of runs."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

#: More could not be told apart on a line of that size.
POINTS = 32
#: Where the script monitors nothing: the first name that holds one of these.
_TELLING = ("val_loss", "val/loss", "val_acc", "val", "loss", "acc")


def chosen(monitor: str | None, names: Collection[str]) -> str | None:
    """The monitored metric, else the one that tells most."""
    if monitor in names:
        return monitor
    found = (name for word in _TELLING for name in sorted(names) if word in name.lower())
    return next(found, next(iter(sorted(names)), None))


def drawn(name: str, points: Sequence[Any]) -> dict[str, Any]:
    """As the store keeps it: (step, …, value, …) points as plain numbers of few digits."""
    finite = [point.value for point in points if point.value is not None]
    return {"name": name, "values": [float(f"{value:.4g}") for value in finite]}
