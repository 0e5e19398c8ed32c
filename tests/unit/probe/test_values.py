"""Whatever a script logs or configures becomes something JSON can hold."""

from __future__ import annotations

import json
from argparse import Namespace
from pathlib import Path
from types import SimpleNamespace

import pytest
from repo_runner_probe.metric_reader import MetricReader
from repo_runner_probe.plain import LONGEST_TEXT, MOST_VALUES, plain
from repo_runner_probe.scalars import number, numbers


class Tensor:
    """Looks like one; a value on a device must not be asked for by itself."""

    def __init__(self, value, size=1, device="cpu"):
        self.value, self.size_, self.device = value, size, SimpleNamespace(type=device)

    def numel(self):
        return self.size_

    def item(self):
        assert self.device.type == "cpu", "this would wait for the device"
        return self.value


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1, 1),
        (True, 1),
        (0.5, 0.5),
        (Tensor(2.5), 2.5),
        (float("nan"), "nan"),
        (float("inf"), "inf"),
        (Tensor(float("-inf")), "-inf"),
    ],
)
def test_numbers_stay_numbers_and_the_others_become_words(value, expected):
    assert number(value) == expected


def test_only_scalars_are_metrics():
    values = {"one": Tensor(1.0), "many": Tensor(1.0, size=3), "text": "no", "plain": 2}
    assert numbers(values) == {"one": 1.0, "plain": 2}


def test_values_on_a_device_are_fetched_together(monkeypatch):
    fetched = []
    monkeypatch.setattr(
        "repo_runner_probe.scalars._fetch",
        lambda tensors: fetched.append(list(tensors)) or dict.fromkeys(tensors, 7.0),
    )
    values = {"a": Tensor(1.0, device="cuda"), "b": Tensor(2.0), "c": Tensor(3.0, device="cuda")}
    assert numbers(values) == {"a": 7.0, "b": 2.0, "c": 7.0}
    assert fetched == [["a", "c"]]


def test_a_metric_is_new_when_its_object_is():
    reader = MetricReader()
    first, second = Tensor(1.0), Tensor(1.0)
    assert reader.new({"loss": first}) == {"loss": first}
    assert reader.new({"loss": first}) == {}
    assert reader.new({"loss": second}) == {"loss": second}


def test_what_was_skipped_is_not_new():
    reader = MetricReader()
    old = Tensor(1.0)
    reader.skip({"loss": old})
    assert reader.new({"loss": old, "acc": old}) == {"acc": old}


def test_the_name_without_its_suffix_is_left_out():
    value = Tensor(1.0)
    assert list(MetricReader().new({"loss": value, "loss_step": value})) == ["loss_step"]
    assert list(MetricReader().new({"loss": value, "loss_epoch": value})) == ["loss_epoch"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"lr": 0.1, "layers": (1, 2)}, {"lr": 0.1, "layers": [1, 2]}),
        (Namespace(path=Path("a/b")), {"path": "a/b"}),
        ({1: None, "nan": float("nan")}, {"1": None, "nan": "nan"}),
        (len, "<builtins.len>"),
        (Path, "<pathlib.Path>"),
        (object(), "<builtins.object>"),
        ("x" * 9999, "x" * LONGEST_TEXT),
    ],
)
def test_hyperparameters_are_copied_as_far_as_json_goes(value, expected):
    assert plain(value) == expected


def test_an_endless_or_huge_value_is_cut_off():
    loop: dict[str, object] = {}
    loop["self"] = loop
    assert "..." in json.dumps(plain(loop))
    huge = plain({str(n): list(range(100)) for n in range(100)})
    assert sum(1 + len(items) for items in huge.values()) <= MOST_VALUES + 1
