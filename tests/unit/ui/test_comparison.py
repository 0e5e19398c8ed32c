from __future__ import annotations

from datetime import timedelta

import pytest

from tests.unit.ui import fake_runs as fake
from ui.widgets.comparison import shared_charts
from ui.widgets.differences import arguments, best_run, difference_data

NOW = fake.moment()
A = fake.training("a", NOW - timedelta(hours=1), NOW)
B = A.model_copy(update={"run_id": "b", "hparams": {**A.hparams, "lr": 0.1}})


def named(rows: list[dict]) -> list[tuple[str, str]]:
    return [(row["group"], row["name"]) for row in rows]


def test_what_differs_stands_apart_from_what_is_the_same() -> None:
    found = difference_data([A, B], {})
    assert named(found["different"]) == [("Hyperparameters", "lr")]
    assert ("Code", "Commit") in named(found["same"])


def test_arguments_are_compared_one_by_one() -> None:
    changed = fake.spec(script_args=("--max_epochs", "40", "--lr=0.1", "--fast"))
    rows = difference_data([A, A.model_copy(update={"spec": changed})], {})["different"]
    assert [(row["name"], row["values"]) for row in rows] == [
        ("--lr", ["1e-3", "0.1"]),
        ("--tag", ["two words", ""]),
        ("--fast", ["", "given"]),
    ]


@pytest.mark.parametrize(
    ("line", "read"),
    [
        (
            "fit data.csv --lr -0.5",
            [("argument 1", "fit"), ("argument 2", "data.csv"), ("--lr", "-0.5")],
        ),
        ("--layers 64 32 -v", [("--layers", "64 32"), ("-v", "given")]),
        ("", []),
    ],
)
def test_a_line_is_read_as_far_as_it_tells(line: str, read: list) -> None:
    assert list(arguments(line.split())) == read


def test_packages_that_differ_are_listed_and_the_others_are_not() -> None:
    environments = {"a": fake.environment("0.1"), "b": fake.environment("0.2")}
    rows = difference_data([A, B], environments)["different"]
    assert [row["values"] for row in rows if row["group"] == "Packages"] == [["0.1", "0.2"]]


def test_the_best_score_is_found_only_among_the_same_metric() -> None:
    better = B.model_copy(update={"best_model_score": 0.999})
    assert best_run([A, better]) == 1
    assert (
        best_run([A.model_copy(update={"mode": "min"}), better.model_copy(update={"mode": "min"})])
        == 0
    )
    assert best_run([A, better.model_copy(update={"monitor": "val_loss"})]) is None
    assert best_run([A]) is None


def test_a_metric_has_one_chart_with_one_line_a_run() -> None:
    curves = [(run, fake.series(1_000, NOW)) for run in (A, B)]
    charts = shared_charts(curves)
    assert charts[0]["name"] == "val_acc"
    assert [line["name"] for line in charts[0]["lines"]] == ["a val_acc", "b val_acc"]
