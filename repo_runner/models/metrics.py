"""A run's curves."""

from __future__ import annotations

from repo_runner.models.record import Record


class MetricPoint(Record):
    """One value of one metric; `value` is None where the script logged NaN or infinity (see `text`)."""

    step: int
    epoch: int | None = None
    timestamp: float
    value: float | None
    #: `nan`, `inf` or `-inf` where the value is not a finite number.
    text: str | None = None


class MetricSeries(Record):
    """One metric's points, oldest first, possibly thinned."""

    name: str
    points: tuple[MetricPoint, ...]
    #: How many points there are before thinning.
    total: int
