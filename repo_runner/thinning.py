"""Fewer points of a curve without losing its extremes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def thin(points: Sequence[Any], max_points: int) -> list[Any]:
    """At most `max_points` of the points, each with a `value`, in order.

    Keeps the first and the last point, and the smallest and the largest of each stretch between.
    """
    if len(points) <= max_points:
        return list(points)
    buckets = max((max_points - 2) // 2, 1)
    inner = range(1, len(points) - 1)
    kept = {0, len(points) - 1}
    for bucket in range(buckets):
        first = 1 + bucket * len(inner) // buckets
        last = 1 + (bucket + 1) * len(inner) // buckets
        numbers = [i for i in range(first, last) if points[i].value is not None]
        if numbers:
            kept.add(min(numbers, key=lambda i: points[i].value))
            kept.add(max(numbers, key=lambda i: points[i].value))
    return [points[i] for i in sorted(kept)]
