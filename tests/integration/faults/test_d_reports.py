"""D6: whatever a script reports, it is stored or counted, and no reader falls over it."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from repo_runner.checkpoints import CheckpointKeeper
from repo_runner.events import EventWriter
from repo_runner.ingest import MAX_LAST_METRICS, ingest
from repo_runner.metric_store import Stretch
from repo_runner.migrations import migrate
from repo_runner.models import RunSpec
from repo_runner.observer import Observer
from repo_runner.paths import RunPaths
from repo_runner.probe_tail import ProbeTail
from repo_runner.store import Store

SPEC = RunSpec(repo_url="https://github.com/a/b", commit_sha="0" * 40, script_path="train.py")
_STEP = '{"ev":"step","t":%r,"rank":0,"tr":1,"step":%d,"epoch":0,"m":%s}\n'


class Reports:
    """What a script reports on its way: file → observer → events → store."""

    def __init__(self, folder: Path) -> None:
        self.paths = RunPaths(folder / "run")
        self.probe_file = self.paths.probe(1) / "events-1.jsonl"
        self.probe_file.parent.mkdir(parents=True)
        self.store = Store(f"sqlite:///{folder / 'store.db'}")
        migrate(self.store.engine, folder / "backups")
        self.store.add("run", SPEC, None)
        self._writer = EventWriter(self.paths.events)
        keeper = CheckpointKeeper(self.paths.checkpoints, self._writer, folder)
        self.observer = Observer(self._writer, keeper)
        self._tail = ProbeTail(self.probe_file.parent)

    def take(self, *lines: str) -> None:
        with self.probe_file.open("a") as file:
            file.writelines(lines)
        for event in self._tail.read():
            self.observer.see(event)
        self.row = ingest(self.store, self.paths, "run")

    def step(self, metrics: dict | str, *, step: int = 1) -> None:
        written = metrics if isinstance(metrics, str) else json.dumps(metrics)
        self.take(_STEP % (time.time(), step, written))

    def points(self, name: str) -> list:
        (curve,) = self.store.curves(self.row.number, [name], Stretch(max_points=100_000))
        return [(p.step, p.value, p.text) for p in curve.points]

    @property
    def names(self) -> int:
        return len(self.store.curves(self.row.number, (), Stretch()))


@pytest.fixture
def reports(tmp_path: Path):
    reports = Reports(tmp_path)
    yield reports
    reports.store.close()


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("NaN", (None, "nan")),
        ("Infinity", (None, "inf")),
        ("-Infinity", (None, "-inf")),
        ("1e999", (None, "inf")),
        ("1" + "0" * 400, (None, "inf")),
        (str(2**70), (float(2**70), None)),
        ('"nan"', (None, "nan")),
        ("true", (1.0, None)),
    ],
)
def test_D6_numbers_that_are_none_are_stored_by_their_word(reports, written, stored) -> None:
    reports.step(f'{{"loss": {written}}}')
    assert reports.points("loss") == [(1, *stored)]


def test_D6_values_that_are_no_numbers_are_counted_and_the_others_kept(reports) -> None:
    reports.step({"a": [1], "b": "words", "c": None, "loss": 0.5})
    assert reports.observer.passed_over == 3
    assert reports.points("loss") == [(1, 0.5, None)]


@pytest.mark.parametrize("step", [2**63, -(2**70), 10**300])
def test_D6_a_step_no_database_holds_does_not_lose_the_metric(reports, step: int) -> None:
    reports.step({"loss": 0.5}, step=step)
    assert reports.points("loss") == [(0, 0.5, None)]


def test_D6_steps_that_go_backwards_are_kept_in_the_order_they_came(reports) -> None:
    for step in (5, 3, 4):
        reports.step({"loss": float(step)}, step=step)
    assert [p[0] for p in reports.points("loss")] == [5, 3, 4]


def test_D6_ten_thousand_names_are_stored_and_the_summary_stays_small(reports) -> None:
    reports.step({f"metric/{n}": float(n) for n in range(10_000)})
    assert reports.names == 10_000
    assert len(reports.row.last_metrics) == MAX_LAST_METRICS


def test_D6_a_thousand_reports_are_in_the_store_within_a_second(reports) -> None:
    began = time.monotonic()
    reports.take(*(_STEP % (time.time(), n, '{"loss": 0.5}') for n in range(1000)))
    assert len(reports.points("loss")) == 1000
    assert time.monotonic() - began < 10  # generous; it takes 0.1 s


@pytest.mark.parametrize("name", ["a'b\"c", "__class__", "x" * 10_000, "", "a\x00b"])
def test_D6_any_name_is_stored(reports, name: str) -> None:
    reports.step({name: 1.0})
    assert reports.names == 1


@pytest.mark.parametrize(
    "line",
    [
        "no json\n",
        "{\n",
        "[]\n",
        "7\n",
        '{"ev": 7, "t": 1}\n',
        '{"ev": "step"}\n',
        '{"ev": "step", "t": "x", "m": {}}\n',
        '{"ev": "step", "t": 1.0, "m": 7}\n',
        '{"ev": "checkpoint", "t": 1.0, "ckpts": 7}\n',
        '{"ev": "checkpoint", "t": 1.0, "ckpts": [{"best_path": 7}]}\n',
        '{"ev": "stop_checkpoint", "t": 1.0}\n',
        '{"ev": "setup", "t": 1.0, "hparams": 7}\n',
        '{"ev": "progress", "t": 1.0, "epoch": "x", "done": []}\n',
        "x" * (5 << 20) + "\n",
        "\x00" * 1000 + "\n",
    ],
)
def test_D6_what_is_no_report_does_not_hide_the_next_one(reports, line: str) -> None:
    reports.take(line)
    reports.take("\n")
    reports.step({"loss": 0.5})
    assert reports.points("loss") == [(1, 0.5, None)]


def test_D6_half_a_line_at_a_crash_is_left_out_and_the_run_goes_on(reports) -> None:
    reports.step({"loss": 0.5})
    whole = _STEP % (time.time(), 2, '{"loss": 0.25}')
    reports.take(whole[:40])
    assert reports.points("loss") == [(1, 0.5, None)]
