from __future__ import annotations

from datetime import timedelta

from tests.unit.ui import fake_runs as fake
from ui.widgets.comparison import difference_data, shared_charts

NOW = fake.moment()
A = fake.training("a", NOW - timedelta(hours=1), NOW)
B = A.model_copy(update={"run_id": "b", "hparams": {**A.hparams, "lr": 0.1}})


def test_differences_come_first() -> None:
    rows = difference_data([A, B])["rows"]
    assert [row["name"] for row in rows if row["differs"]] == ["lr"] == [rows[0]["name"]]


def test_a_metric_has_one_chart_with_one_line_a_run() -> None:
    curves = [(run, fake.series(1_000, NOW)) for run in (A, B)]
    charts = shared_charts(curves)
    assert charts[0]["name"] == "val_acc"
    assert [line["name"] for line in charts[0]["lines"]] == ["a val_acc", "b val_acc"]
