"""What is left after a soak: every run accounted for, or what is wrong, in words."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

import psutil

from repo_runner import lease
from repo_runner.caches import Caches
from repo_runner.disk import disk_bytes
from repo_runner.models import Run, RunStatus
from repo_runner.paths import HomePaths, RunPaths
from repo_runner.process import MARKER


@dataclass(frozen=True)
class Account:
    """Lists of what must be empty."""

    runs: int
    orphans: list[str]
    stuck: list[str]
    lost: list[str]
    disk: list[str]

    @classmethod
    def of(
        cls,
        home: HomePaths,
        runs: list[Run],
        expected: dict[str, RunStatus],
        orphaned: set[str],
        caches: Caches,
    ) -> Account:
        """Look at everything; the app has ended, and `caches` is what it said of its disk."""
        by_id = {run.run_id: run for run in runs}
        lost = [f"{run_id} is not in the store" for run_id in expected if run_id not in by_id]
        lost += [f"{run_id} was never submitted" for run_id in by_id if run_id not in expected]
        for run_id, end in expected.items():
            if run_id in by_id:
                lost += _lost(home.run(run_id), by_id[run_id], end, run_id in orphaned)
        return cls(
            runs=len(runs),
            orphans=list(_orphans(home, by_id)),
            stuck=[f"{r.run_id} is {r.status.value}" for r in runs if not r.status.is_terminal],
            lost=lost,
            disk=[*_disk(home, by_id), *_miscounted(home, caches)],
        )

    @property
    def is_clean(self) -> bool:
        """Whether nothing is wrong."""
        return not (self.orphans or self.stuck or self.lost or self.disk)

    def __str__(self) -> str:
        found = f"{len(self.orphans)} orphans, {len(self.stuck)} stuck, {len(self.lost)} lost"
        disk = "not as accounted" if self.disk else "as accounted"
        first = f"{self.runs} runs: {found}, disk {disk}"
        return "\n".join([first, *self.orphans, *self.stuck, *self.lost, *self.disk])


def _orphans(home: HomePaths, runs: dict[str, Run]) -> Iterator[str]:
    """Processes of a run, and any that work on the data folder."""
    for run_id in runs:
        if lease.holder(home.run(run_id).lock):
            yield f"{run_id}: its lease is held"
    for found in psutil.process_iter(["environ", "pid"]):
        environ = found.info["environ"] or {}
        if environ.get(MARKER) in runs or environ.get("REPO_RUNNER_HOME") == str(home.root):
            yield f"process {found.pid} of {environ.get(MARKER, 'the app')} lives"


def _lost(paths: RunPaths, run: Run, end: RunStatus, is_orphaned: bool) -> Iterator[str]:
    """What of a run is not as its folder and its script say."""
    events = [json.loads(line) for line in _lines(paths) if line.endswith("}")]
    was_lost = run.failure is not None and run.failure.error_code == "supervisor_lost"
    if was_lost and not is_orphaned:
        yield f"{run.run_id}: nobody killed its supervisor, but it is {run.failure}"
    if not was_lost and run.status is not end:
        yield f"{run.run_id} is {run.status.value} instead of {end.value}: {run.failure}"
    steps = [e["step"] for e in events if e["kind"] == "metrics"]
    is_whole = run.status in (RunStatus.SUCCEEDED, RunStatus.FAILED) and not was_lost
    if steps != list(range(1, (5 if is_whole else len(steps)) + 1)):
        yield f"{run.run_id}: steps {steps}"
    if dict(run.last_metrics) != ({"loss": 1 / steps[-1]} if steps else {}):
        yield f"{run.run_id}: the store ends at {run.last_metrics}, the events at step {steps[-1:]}"
    if [e["seq"] for e in events] != list(range(1, len(events) + 1)):
        yield f"{run.run_id}: gaps in its events"
    executions = paths.checkout / "executions.txt"
    if executions.exists() and executions.read_text() != "1\n":
        yield f"{run.run_id} was executed {executions.read_text().split()}"


def _lines(paths: RunPaths) -> list[str]:
    return paths.events.read_text().splitlines() if paths.events.exists() else []


def _disk(home: HomePaths, runs: dict[str, Run]) -> Iterator[str]:
    """One folder per run and nothing half-written."""
    folders = {p.name for p in home.runs.iterdir()}
    yield from (f"the folder {name} belongs to no run" for name in sorted(folders - set(runs)))
    for path in home.root.rglob("*.partial*"):
        yield f"{path} is half written"


def _miscounted(home: HomePaths, caches: Caches) -> Iterator[str]:
    """Where the app's own accounting is not what `du` counts afterwards."""
    folders = {
        "environments": home.environments,
        "bytecode": home.bytecode,
        "packages": home.packages,
        "repositories": home.mirrors,
        "runs": home.runs,
    }
    said = {each.name: each.size_bytes for each in caches.caches}
    said["runs"] = disk_bytes(home.runs)  # by which retention goes
    there = {name: folder for name, folder in folders.items() if folder.exists()}
    counted = subprocess.run(
        ["du", "--summarize", "--block-size=1", *map(str, there.values())],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    for name, line in zip(there, counted, strict=True):
        if said[name] != int(line.split()[0]):
            yield f"{name}: said to take {said[name]} bytes, but {line}"
