from __future__ import annotations

import json

import pytest

from repo_runner.models import MetricPoint, MetricSeries
from tests.unit.ui import fake_runs as fake
from ui.widgets.charts import best_point, groups_of, line_of, split_name

NOW = fake.moment()
RUN = fake.training("r", NOW, NOW)


def series(name: str, *values: float | None) -> MetricSeries:
    points = tuple(
        MetricPoint(number=i + 1, step=10 * i, epoch=i, timestamp=100.0 + i, value=value)
        for i, value in enumerate(values)
    )
    broken = sum(value is None for value in values)
    return MetricSeries(name=name, points=points, total=len(points), broken=broken)


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("train_loss_step", ("loss", "train", "step")),
        ("val/acc", ("acc", "val", "")),
        ("loss_val", ("loss", "val", "")),
        ("loss", ("loss", "", "")),
        ("lr-Adam", ("lr-Adam", "", "")),
        ("training", ("training", "", "")),
        ("valid_f1_epoch", ("f1", "valid", "epoch")),
    ],
)
def test_a_name_tells_metric_part_of_the_data_and_interval(
    name: str, parts: tuple[str, ...]
) -> None:
    assert split_name(name) == parts


def test_train_and_validation_share_a_chart_and_the_monitored_metric_comes_first() -> None:
    names = ["val_loss", "zeta", "train_loss", "val_acc", "epoch"]
    groups = groups_of(RUN, [series(name, 0.5, 0.7) for name in names])
    assert [group["name"] for group in groups] == ["acc", "loss", "zeta"]
    assert [line["name"] for line in groups[1]["lines"]] == ["train_loss", "val_loss"]


def test_the_best_point_is_the_first_of_equals_in_the_scripts_own_sense() -> None:
    curve = series("val_acc", 0.1, None, 0.9, 0.9)
    assert best_point(curve, "max") == {"value": 0.9, "step": 20}
    assert best_point(curve, "min") == {"value": 0.1, "step": 0}
    assert best_point(series("val_acc", None), "max") is None


def test_only_the_monitored_metric_has_a_best_point() -> None:
    lines = groups_of(RUN, [series("train_acc", 0.2), series("val_acc", 0.4)])[0]["lines"]
    assert [line.get("best") for line in lines] == [None, {"value": 0.4, "step": 0}]


def test_a_value_that_is_no_number_leaves_a_gap_and_is_counted() -> None:
    line = line_of(series("loss", 1.0, None, 1 / 3), "loss", 0, 0)
    assert (line["values"], line["broken"], line["times"]) == ([1.0, None, 0.333333], 1, [0, 1, 2])
    json.dumps(line, allow_nan=False)
