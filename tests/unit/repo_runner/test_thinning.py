from typing import NamedTuple

from repo_runner.thinning import thin


class Point(NamedTuple):
    step: int
    value: float | None


def curve(values: list[float | None]) -> list[Point]:
    return [Point(step, value) for step, value in enumerate(values)]


def test_a_short_curve_stays_as_it_is() -> None:
    points = curve([1.0, 2.0, 3.0])
    assert thin(points, 10) == points


def test_extremes_and_ends_survive() -> None:
    values = [0.0] * 10_000
    values[1234], values[8765] = 99.0, -99.0
    kept = thin(curve(values), 100)
    assert len(kept) <= 100
    assert {99.0, -99.0} <= {p.value for p in kept}
    assert (kept[0].step, kept[-1].step) == (0, 9999)


def test_points_that_are_no_numbers_do_not_disturb() -> None:
    assert len(thin(curve([None] * 1000), 10)) <= 10
