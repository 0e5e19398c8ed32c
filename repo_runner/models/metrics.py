"""A run's curves."""

from __future__ import annotations

from repo_runner.models.record import Record


class MetricPoint(Record):
    """One value of one metric; `value` is None where the script logged NaN or infinity (see `text`)."""

    #: Its place among all values of the run, in order of arrival, from 1: what `after` and `upto` mean.
    number: int
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
    #: How many values there are in all, before thinning.
    total: int
    #: How many of them are not finite numbers.
    broken: int = 0


class Sparkline(Record):
    """A metric in a few values, oldest first."""

    name: str
    values: tuple[float, ...]
