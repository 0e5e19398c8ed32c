"""What must hold of a run after any crash."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import sqlite3
from pathlib import Path

from repo_runner import lease, process
from repo_runner.lifecycle import ExitRecord
from repo_runner.manager import Manager
from repo_runner.metric_store import Stretch
from repo_runner.models import Run
from repo_runner.paths import RunPaths
from tests.waiting import wait_for

_TERMINAL = {"succeeded", "failed", "stopped"}
_NEXT = {"pending": {"running"} | _TERMINAL, "running": _TERMINAL}


def the_run(manager: Manager) -> Run:
    """The one run there is."""
    (run,) = manager.list().runs
    return run


def check(manager: Manager) -> Run:
    """Assert all of it; returns the run."""
    run = the_run(manager)
    paths = manager.paths.run(run.run_id)
    events = _events(paths)
    _status_is_legal(manager, run)
    _each_attempt_ran_once(paths, events)
    _rows_are_the_events(manager, run, events)
    _checkpoints_are_whole(manager, run, events)
    _the_end_is_on_record(paths, run)
    nothing_half(manager.paths.root)
    assert lease.holder(paths.lock) is None
    # The supervisor has said its last word, and may be on its way out.
    wait_for(lambda: process.marked(run.run_id) == [], what="the end of all its processes")
    return run


def nothing_half(home: Path) -> None:
    """No file that somebody was about to rename, no folder that somebody was about to remove."""
    names = (p for p in home.rglob("*") if "cache/" not in str(p.relative_to(home)))
    half = [p for p in names if ".partial" in p.name or p.name.startswith(".deleted")]
    assert half == []


def history(home: Path) -> list[str]:
    """Every status that was ever written."""
    with contextlib.closing(sqlite3.connect(home / "store.db")) as store:
        return [status for (status,) in store.execute("SELECT status FROM test_history")]


def _status_is_legal(manager: Manager, run: Run) -> None:
    written = history(manager.paths.root)
    assert written[-1] == run.status.value
    assert written[0] == "pending"
    for before, after in itertools.pairwise(written):
        allowed = {"pending"} if before in _TERMINAL else _NEXT[before]
        assert after in allowed, written
    assert sum(status in _TERMINAL for status in written) == run.attempt, written


def _events(paths: RunPaths) -> list[dict]:
    found = []
    lines = paths.events.read_bytes().splitlines() if paths.events.exists() else []
    for line in lines:
        with contextlib.suppress(ValueError):  # torn by the kill
            found.append(json.loads(line))
    assert [e["seq"] for e in found] == list(range(1, len(found) + 1))
    return found


def _each_attempt_ran_once(paths: RunPaths, events: list[dict]) -> None:
    executions = paths.checkout / "executions.txt"
    ran = executions.read_text().split() if executions.exists() else []
    assert len(ran) == len(set(ran)), f"executed twice: {ran}"
    attempts = [e["attempt"] for e in events if e["kind"] == "attempt"]
    assert len(attempts) == len(set(attempts))


def _rows_are_the_events(manager: Manager, run: Run, events: list[dict]) -> None:
    said = [
        (name, e["step"], value)
        for e in events
        if e["kind"] == "metrics"
        for name, value in e["values"].items()
    ]
    stored = [
        (series.name, point.step, point.value)
        for series in manager.metrics(run.run_id, stretch=Stretch(max_points=10_000))
        for point in series.points
    ]
    assert sorted(stored) == sorted(said)
    assert len(set(stored)) == len(stored)


def _checkpoints_are_whole(manager: Manager, run: Run, events: list[dict]) -> None:
    items = [e["items"] for e in events if e["kind"] == "checkpoints"]
    stored = {c.name: c.sha256 for c in manager.checkpoints(run.run_id)}
    assert stored == {c["name"]: c["sha256"] for c in (items[-1] if items else [])}
    for name, sha256 in stored.items():
        _, file = manager.checkpoint_file(run.run_id, name)
        assert hashlib.sha256(file.read_bytes()).hexdigest() == sha256


def _the_end_is_on_record(paths: RunPaths, run: Run) -> None:
    record = ExitRecord.model_validate_json(paths.exit.read_text())
    assert record.attempt == run.attempt
    if run.failure:
        assert record.failure == run.failure
