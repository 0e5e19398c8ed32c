import math
import random
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from repo_runner import metric_store
from repo_runner.metric_store import SPAN, Curve, Stretch, read_curves
from repo_runner.migrations import migrate
from repo_runner.models import RunSpec
from repo_runner.store import Changes, Store
from repo_runner.tables import MetricRow, SpanRow

SPEC = RunSpec(repo_url="https://github.com/a/b", commit_sha="0" * 40, script_path="train.py")


@pytest.fixture
def store(tmp_path: Path):
    store = Store(f"sqlite:///{tmp_path / 'store.db'}")
    migrate(store.engine, tmp_path / "backups")
    store.add("run", SPEC, None)
    yield store
    store.close()


def log(store: Store, *values: float | None, name: str = "loss") -> None:
    offset = store.get("run").events_offset
    metrics = [
        {"name": name, "step": i, "epoch": None, "timestamp": 0.0, "value": v, "text": None}
        for i, v in enumerate(values)
    ]
    changes = Changes(metrics=metrics)
    store.apply("run", offset=offset, next_offset=offset + 1, changes=changes)


def curve(store: Store, name: str = "loss", **stretch: int) -> Curve | None:
    found = store.curves(store.get("run").number, [name], Stretch(**stretch))
    return found[0] if found else None


def noise(count: int) -> list[float]:
    source = random.Random(0)
    return [source.random() for _ in range(count)]


def test_a_short_curve_comes_as_it_was_logged(store: Store) -> None:
    log(store, 3.0, 1.0, 2.0)
    found = curve(store)
    assert [(p.number, p.value) for p in found.points] == [(1, 3.0), (2, 1.0), (3, 2.0)]


def test_a_long_curve_keeps_its_extremes_and_both_ends(store: Store) -> None:
    values = noise(5000)
    values[1234], values[4321] = 99.0, -99.0
    log(store, *values)
    found = curve(store, max_points=100)
    kept = [p.value for p in found.points]
    assert len(kept) <= 100
    assert {99.0, -99.0} <= set(kept)
    assert (kept[0], kept[-1]) == (values[0], values[-1])
    assert [p.number for p in found.points] == sorted(p.number for p in found.points)
    assert found.count == 5000


def test_it_does_not_matter_in_which_pieces_it_came(store: Store) -> None:
    values, source = noise(3000), random.Random(1)
    log(store, *values, name="whole")
    rest = list(values)
    while rest:
        size = source.choice([1, 2, 7, 8, 9, 64, 300])
        log(store, *rest[:size])
        rest = rest[size:]
    pieces, whole = (curve(store, name, max_points=60) for name in ("loss", "whole"))
    assert [p.value for p in pieces.points] == [p.value for p in whole.points]
    with Session(store.engine) as session:
        spans = session.execute(
            select(SpanRow.level, func.count()).group_by(SpanRow.series_id, SpanRow.level)
        ).all()
    assert sorted(spans) == [(level, 3000 // SPAN**level) for level in (1, 2, 3) for _ in range(2)]


def test_reading_a_long_curve_looks_at_few_values(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at = []
    monkeypatch.setattr(metric_store, "thin", lambda points, most: looked_at.append(len(points)))
    values = noise(40_000)
    log(store, *values[:8_000], name="short")
    log(store, *values, name="long")
    looked_at.clear()
    with Session(store.engine) as session:
        for name in ("short", "long"):
            read_curves(session, store.get("run").number, [name], Stretch(max_points=100))
    assert all(100 <= count <= 100 * SPAN * 2 for count in looked_at), looked_at


def test_only_what_came_after_a_number_is_given(store: Store) -> None:
    log(store, *noise(100))
    log(store, 0.5, name="other")
    assert curve(store, after=101) is None
    log(store, 7.0, 8.0)
    assert [(p.number, p.value) for p in curve(store, after=101).points] == [(102, 7.0), (103, 8.0)]


def test_a_stretch_of_a_long_curve_is_given_finely(store: Store) -> None:
    values = noise(20_000)
    log(store, *values)
    found = curve(store, after=10_000, upto=10_050, max_points=100)
    assert [p.value for p in found.points] == values[10_000:10_050]
    wide = curve(store, after=5_000, upto=15_000, max_points=100)
    inside = values[5_000:15_000]
    assert 50 <= len(wide.points) <= 100
    assert {min(inside), max(inside)} <= {p.value for p in wide.points}
    assert all(5_000 < p.number <= 15_000 for p in wide.points)


def test_a_metric_that_is_logged_rarely_is_as_fine_as_it_can_be(store: Store) -> None:
    for _ in range(40):
        log(store, *noise(500))
        log(store, 0.5, name="val")
    found = curve(store, "val", after=5_000, upto=15_000, max_points=100)
    assert len(found.points) == 20


def test_values_that_are_no_numbers_are_counted_and_leave_the_rest_alone(store: Store) -> None:
    log(store, *[None] * 100, *noise(1000), *[None] * 100)
    found = curve(store, max_points=50)
    assert found.broken == 200
    assert any(p.value is not None for p in found.points)
    log(store, *[None] * 1000, name="nan")
    assert all(p.value is None for p in curve(store, "nan", max_points=50).points)


def test_deleting_a_run_takes_its_values_along(store: Store) -> None:
    log(store, *noise(1000))
    store.finish("run", status="failed")
    assert store.remove("run")
    with Session(store.engine) as session:
        for table in (MetricRow, SpanRow):
            assert session.scalar(select(func.count()).select_from(table)) == 0


def test_the_sparkline_shows_the_telling_metric_until_one_is_monitored(store: Store) -> None:
    offset = store.get("run").events_offset
    names = {"lr": 0.1, "val_loss": 0.5, "val_acc": 0.9}
    changes = Changes(
        columns={"last_metrics": names},
        metrics=[
            {"name": n, "step": 0, "epoch": 0, "timestamp": 0.0, "value": v, "text": None}
            for n, v in names.items()
        ],
    )
    store.apply("run", offset=offset, next_offset=offset + 1, changes=changes)
    assert store.get("run").sparkline == {"name": "val_loss", "values": [0.5]}
    monitored = Changes(columns={"monitor": "val_acc"})
    store.apply("run", offset=offset + 1, next_offset=offset + 2, changes=monitored)
    assert store.get("run").sparkline == {"name": "val_acc", "values": [0.9]}
    log(store, *(math.sin(i / 50) for i in range(1000)), name="val_acc")
    assert 16 <= len(store.get("run").sparkline["values"]) <= 32
