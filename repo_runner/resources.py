"""What a run took of the machine over time, as it is stored and shown."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from repo_runner.models import Record


class ResourcePoint(Record):
    """One moment of a run's process tree."""

    #: Unix seconds.
    timestamp: float
    #: 100: one core is busy all the time.
    cpu_percent: float
    memory_bytes: int
    #: Of the busiest GPU the run uses; None where it uses none.
    gpu_percent: float | None = None
    gpu_memory_bytes: int | None = None


def peaks(points: Sequence[ResourcePoint], max_points: int) -> tuple[ResourcePoint, ...]:
    """At most `max_points`: of each stretch the highest value of every figure, which is what one looks for."""
    if len(points) <= max_points:
        return tuple(points)
    edges = [len(points) * i // max_points for i in range(max_points + 1)]
    return tuple(_peak(points[start:stop]) for start, stop in pairwise(edges))


def _peak(stretch: Sequence[ResourcePoint]) -> ResourcePoint:
    gpu = [one.gpu_percent for one in stretch if one.gpu_percent is not None]
    gpu_memory = [one.gpu_memory_bytes for one in stretch if one.gpu_memory_bytes is not None]
    return ResourcePoint(
        timestamp=stretch[-1].timestamp,
        cpu_percent=max(one.cpu_percent for one in stretch),
        memory_bytes=max(one.memory_bytes for one in stretch),
        gpu_percent=max(gpu, default=None),
        gpu_memory_bytes=max(gpu_memory, default=None),
    )
