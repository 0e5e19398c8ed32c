from __future__ import annotations

from typing import Any

import pytest

from repo_runner.models import MetricPoint, MetricSeries
from ui.views import curve_reader
from ui.views.curve_reader import MAX_POINTS, CurveReader


class Curves:
    """One metric that grows, asked for as the client is."""

    def __init__(self) -> None:
        self.values: list[float] = []
        self.asked: list[dict[str, Any]] = []

    def metrics(
        self, _run_id: str, *, max_points: int, after: int = 0, upto: int | None = None
    ) -> tuple[MetricSeries, ...]:
        self.asked.append({"after": after, "upto": upto})
        points = tuple(
            MetricPoint(number=n, step=n, timestamp=float(n), value=value)
            for n, value in enumerate(self.values, start=1)
            if after < n <= (upto or n)
        )
        series = MetricSeries(name="loss", points=points, total=len(self.values))
        return (series,) if points else ()


@pytest.fixture
def curves(monkeypatch: pytest.MonkeyPatch) -> Curves:
    curves = Curves()
    monkeypatch.setattr(curve_reader, "client", lambda: curves)
    return curves


def test_only_what_is_new_is_asked_for_and_added_at_the_end(curves: Curves) -> None:
    reader = CurveReader("r")
    reader.read()
    for value in (0.5, 0.4, 0.3):
        curves.values.append(value)
        reader.read()
    assert [asked["after"] for asked in curves.asked] == [0, 0, 1, 2]
    assert [point.value for point in reader.series()[0].points] == [0.5, 0.4, 0.3]


def test_what_is_kept_is_bounded_and_loses_no_extreme(curves: Curves) -> None:
    reader = CurveReader("r")
    for start in range(0, 5000, 100):
        curves.values += [float(i % 7) for i in range(start, start + 100)]
        curves.values[start] = 50.0 - start
        reader.read()
        assert len(reader.series()[0].points) <= 2 * MAX_POINTS
    kept = {point.value for point in reader.series()[0].points}
    assert {50.0, 50.0 - 4900} <= kept
    assert reader.series()[0].total == 5000


def test_a_zoom_is_read_once(curves: Curves) -> None:
    curves.values = [0.0] * 100
    reader = CurveReader("r")
    reader.read()
    found = [reader.zoomed([10, 20]) for _ in range(3)][-1]
    assert [point.number for point in found.series[0].points] == list(range(11, 21))
    assert len(curves.asked) == 2
    assert reader.zoomed(None) is None
