from pathlib import Path

import pytest

from repo_runner.errors import RunNotFound
from repo_runner.events import EventWriter
from repo_runner.ingest import ingest, interpret
from repo_runner.metric_store import Stretch
from repo_runner.models import RunSpec
from repo_runner.paths import RunPaths
from repo_runner.store import Store

SPEC = RunSpec(
    repo_url="https://github.com/a/b", commit_sha="0" * 40, script_path="train.py", name="a name"
)


def stream(tmp_path: Path, *events: tuple[str, dict]) -> RunPaths:
    paths = RunPaths(tmp_path)
    writer = EventWriter(paths.events)
    for kind, data in events:
        writer.write(kind, **data)
    writer.close()
    return paths


def counts(store: Store, number: int) -> dict[str, int]:
    return {curve.name: curve.count for curve in store.curves(number, (), Stretch())}


def test_the_same_key_is_stored_once(store: Store) -> None:
    assert [store.add(f"run-{i}", SPEC, "key") for i in range(3)] == ["run-0"] * 3


def test_an_unknown_run_is_said(store: Store) -> None:
    with pytest.raises(RunNotFound, match="no run 'x'"):
        store.get("x")


def test_a_terminal_status_never_changes(store: Store) -> None:
    store.add("run", SPEC, None)
    assert store.finish("run", status="stopped", ended_at=1.0)
    assert not store.finish("run", status="failed", ended_at=2.0)
    assert not store.request_stop("run")
    assert store.get("run").status == "stopped"


def test_events_are_ingested_once_however_often_it_is_asked(store: Store, tmp_path: Path) -> None:
    store.add("run", SPEC, None)
    paths = stream(
        tmp_path, ("metrics", {"values": {"loss": 0.5, "bad": "nan"}, "step": 3, "epoch": 0})
    )
    for _ in range(3):
        row = ingest(store, paths, "run")
    assert counts(store, row.number) == {"bad": 1, "loss": 1}
    assert row.last_metrics == {"loss": 0.5, "bad": None}


def test_a_batch_that_somebody_else_stored_is_not_stored_again(
    store: Store, tmp_path: Path
) -> None:
    store.add("run", SPEC, None)
    paths = stream(tmp_path, ("metrics", {"values": {"loss": 0.5}, "step": 3}))
    stale = store.get("run")
    ingest(store, paths, "run")
    changes = interpret(({"kind": "metrics", "t": 0.0, "values": {"loss": 0.5}, "step": 3},), stale)
    assert not store.apply("run", offset=0, next_offset=99, changes=changes)
    assert counts(store, stale.number) == {"loss": 1}


def test_an_event_of_a_later_version_means_nothing(store: Store, tmp_path: Path) -> None:
    store.add("run", SPEC, None)
    row = ingest(store, stream(tmp_path, ("something_new", {"x": 1})), "run")
    assert row.events_offset > 0


@pytest.mark.parametrize(
    "name",
    [
        "__class__",
        "a'b\"c",
        "<script>alert(1)</script>",
        "é" * 100,
        "\x1b[31mred",
        "\u202eabc",
    ],
)
def test_A7_any_metric_name_is_stored_exactly(store: Store, tmp_path: Path, name: str) -> None:
    store.add("run", SPEC, None)
    row = ingest(store, stream(tmp_path, ("metrics", {"values": {name: 1.0}, "step": 0})), "run")
    assert row.last_metrics == {name: 1.0}


def test_A7_a_metric_name_of_ten_thousand_characters_is_cut_and_does_no_harm(
    store: Store, tmp_path: Path
) -> None:
    store.add("run", SPEC, None)
    event = ("metrics", {"values": {"x" * 10_000: 1.0, "loss": 2.0}, "step": 0})
    row = ingest(store, stream(tmp_path, event), "run")
    assert row.last_metrics["loss"] == 2.0
    (name,) = set(row.last_metrics) - {"loss"}
    assert name.startswith("xxx") and len(name) <= 1000


def test_what_a_run_took_of_the_machine_is_stored_in_order(store: Store, tmp_path: Path) -> None:
    store.add("run", SPEC, None)
    taken = [
        {"cpu_percent": 12.5, "memory_bytes": 5 << 30},
        {"cpu_percent": 90.0, "memory_bytes": 1, "gpu_percent": 3.0, "gpu_memory_bytes": 2},
    ]
    paths = stream(tmp_path, *(("resources", one) for one in taken))
    rows = store.resources(ingest(store, paths, "run").number)
    assert [(row.cpu_percent, row.memory_bytes, row.gpu_percent) for row in rows] == [
        (12.5, 5 << 30, None),
        (90.0, 1, 3.0),
    ]
