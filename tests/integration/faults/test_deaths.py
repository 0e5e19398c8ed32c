"""E1: signals to every process of the started app in every phase of a run; the run never notices."""

from __future__ import annotations

import fcntl
import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from signal import SIGHUP, SIGINT, SIGKILL, SIGTERM

import pytest

from examples.app_process import AppProcess
from examples.git_server import Behaviour, GitServer
from repo_runner import lease, process
from repo_runner.client import Client
from repo_runner.manager import Manager
from repo_runner.models import RunPhase, RunStatus, Submission
from repo_runner.paths import HomePaths
from repo_runner.process import ProcessIdentity
from tests.app_fixtures import NOTHING_TO_INSTALL, app_env, following, log_of, wait_until_ended
from tests.fault_matrix import NOTE
from tests.git_fixtures import MakeRepo, repo_name
from tests.integration.faults.patient import REATTACHED_S, Death, Patient
from tests.integration.faults.scripts import GOES_ON, gated_repo
from tests.waiting import wait_for

_PHASES = ("queued", "fetching", "building", "training")

#: Every signal to every process in every phase, but for a supervisor before there is one, and its own death.
ALL = [
    Death(phase, victim, number)
    for phase in _PHASES
    for victim in ("main", "API server", "UI", "work", "supervisor")
    for number in (SIGTERM, SIGINT, SIGHUP, SIGKILL)
    if victim != "supervisor" or (phase != "queued" and number != SIGKILL)
]
#: In the usual test run; `make faults` takes all.
USUAL = [
    Death("queued", "main", SIGHUP),
    Death("fetching", "main", SIGKILL),
    Death("fetching", "supervisor", SIGTERM),
    Death("building", "main", SIGINT),
    Death("building", "work", SIGKILL),
    Death("training", "supervisor", SIGHUP),
    Death("training", "supervisor", SIGINT),
    Death("training", "UI", SIGKILL),
    Death("training", "work", SIGTERM),
    Death("training", "API server", SIGKILL),
    Death("training", "main", SIGTERM),
]


@pytest.mark.timeout(1800)
def test_E1_a_run_outlives_every_process_of_the_app_in_every_phase(
    git_server: GitServer,
    shared_caches: Path,
    make_repo: MakeRepo,
    tmp_path: Path,
    subtests: pytest.Subtests,
    record_property: Callable[[str, object], None],
) -> None:
    deaths = ALL if os.environ.get("TEST_ALL_FAULTS") else USUAL
    gate = {phase: tmp_path / f"{phase} may end" for phase in _PHASES}
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "cache").symlink_to(shared_caches)
    env = app_env(git_server, shared_caches) | {"REPO_RUNNER_MAX_RUNNING": "1"}
    app = AppProcess(tmp_path / "home", env=env)
    patient = Patient(app)
    first_url, _ = make_repo({"train.py": GOES_ON, **NOTHING_TO_INSTALL})
    url, _ = make_repo(gated_repo(str(gate["building"]), tmp_path / "package"))
    try:
        first = submit(patient.client, first_url, gate["queued"])
        patient.run_id = submit(patient.client, url, gate["training"])
        wait_for(lambda: patient.client.logs(first).text, timeout_s=60, what="the first run")
        with fetches_wait(app.home, url) as go_on:
            for phase in _PHASES:
                wait_for(partial(is_in, patient, phase), timeout_s=60, what=phase, log=patient.log)
                for death in (d for d in deaths if d.phase == phase):
                    with subtests.test(str(death)):
                        patient.suffer(death)
                go_on() if phase == "fetching" else gate[phase].touch()
        for run_id in (first, patient.run_id):
            wait_for(partial(has_ended, patient, run_id), timeout_s=60, log=patient.log)
            is_complete(patient.client, app.home, run_id)
        assert patient.reattached_s < REATTACHED_S
        record_property(NOTE, f"{len(deaths)} deaths of {len(ALL)}")
        record_property(NOTE, f"re-attached within {patient.reattached_s:.1f} s")
    finally:
        for path in gate.values():
            path.touch()
        app.stop()


def submit(client: Client, url: str, gate: Path) -> str:
    return client.submit(
        Submission(link=url, script_path="train.py", script_args=f"'{gate}'")
    ).run_id


def is_in(patient: Patient, phase: str) -> bool:
    run = patient.client.get(patient.run_id)
    return run.phase.value == phase and (phase != "training" or run.last_metrics != {})


def has_ended(patient: Patient, run_id: str) -> bool:
    return patient.client.get(run_id).status.is_terminal


@contextmanager
def fetches_wait(home: Path, url: str) -> Iterator[Callable[[], None]]:
    """Somebody else writes to the repository's mirror, until the function that is yielded is called."""
    (mirror,) = (home / "cache" / "mirrors").rglob(f"{repo_name(url)}.git")
    with (mirror / "lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield lambda: fcntl.flock(lock, fcntl.LOCK_UN)


def is_complete(client: Client, home: Path, run_id: str) -> None:
    """Succeeded; every line and every value there is, each once."""
    run = client.get(run_id)
    assert run.status is RunStatus.SUCCEEDED, run.failure
    assert run.attempt == 1
    paths = HomePaths(home).run(run_id)
    lines = paths.output.read_text().splitlines()
    steps = len(lines) - 1
    assert lines == [*(f"step {n}" for n in range(1, steps + 1)), "done"]
    (losses,) = client.metrics(run_id, max_points=100_000)
    assert [p.step for p in losses.points] == list(range(1, steps + 1))
    events = [json.loads(line) for line in paths.events.read_text().splitlines()]
    assert [e["seq"] for e in events] == list(range(1, len(events) + 1))
    assert sum(e["kind"] == "attempt" for e in events) == 1
    assert (paths.checkout / "executions.txt").read_text() == "1\n"


@pytest.mark.parametrize(
    "is_watched", [True, False], ids=["while followed", "while the app is off"]
)
@pytest.mark.parametrize("phase", ["fetching", "building", "training"])
def test_E1_a_killed_supervisor_takes_its_tree_along_and_the_run_says_so(
    phase: str,
    is_watched: bool,
    git_server: GitServer,
    make_repo: MakeRepo,
    manager: Manager,
    tmp_path: Path,
) -> None:
    gate = tmp_path / ("never" if phase == "building" else "now")
    (tmp_path / "now").touch()
    url, _ = make_repo(gated_repo(str(gate), tmp_path / "package"))
    run_id = submit(manager, url, tmp_path / "never")
    if phase == "fetching":
        git_server.behaviour[repo_name(url)] = Behaviour(stall_after_bytes=0)
    with following(manager, run_id) as closing:
        wait_for(
            lambda: has_children_in(manager, run_id, phase),
            timeout_s=60,
            what=phase,
            log=lambda: log_of(manager, run_id),
        )
        supervisor = lease.holder(manager.paths.run(run_id).lock)
        assert supervisor
        if not is_watched:
            closing.set()
        tree = family(supervisor)
        supervisor.signal(signal.SIGKILL)
        if is_watched:
            run = wait_until_ended(manager, run_id, 60)
    if not is_watched:
        with following(manager, run_id):
            run = wait_until_ended(manager, run_id, 60)
    assert run.failure
    assert run.failure.error_code == "supervisor_lost"
    wait_for(lambda: [p for p in tree if p.is_alive] == [], what="the end of its tree")
    if phase == "training":
        assert manager.metrics(run_id)
        assert "step 1" in manager.logs(run_id).text


def has_children_in(manager: Manager, run_id: str, phase: str) -> bool:
    holder = lease.holder(manager.paths.run(run_id).lock)
    run = manager.get(run_id)
    is_there = run.phase is RunPhase(phase) and (phase != "training" or run.last_metrics)
    return bool(is_there and holder and len(family(holder)) > (phase == "building"))


def family(supervisor: ProcessIdentity) -> list[ProcessIdentity]:
    import psutil

    children = psutil.Process(supervisor.pid).children(recursive=True)
    return [found for child in children if (found := ProcessIdentity.of(child.pid))]


def test_E8_runs_of_an_earlier_boot_are_closed_as_lost(
    make_repo: MakeRepo, manager: Manager, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, _ = make_repo({"train.py": GOES_ON, **NOTHING_TO_INSTALL})
    run_id = submit(manager, url, Path("/never"))
    manager.store.begin(run_id)
    paths = manager.paths.run(run_id)
    paths.lock.write_text(ProcessIdentity(os.getpid(), 1, "the boot before").to_json())
    paths.events.write_text('{"seq":1,"t":1.0,"kind":"attempt","attempt":1,"pid":1}\n{"seq":2,"t"')
    assert list(manager.due([])) == [run_id]
    with following(manager, run_id):
        run = wait_until_ended(manager, run_id, 30)
    assert run.failure
    assert run.failure.error_code == "supervisor_lost"
    manager.resume(run_id)
    with following(manager, run_id):
        wait_for(lambda: manager.metrics(run_id), timeout_s=60, log=lambda: log_of(manager, run_id))
        manager.stop(run_id)
        assert wait_until_ended(manager, run_id, 60).attempt == 2
    assert process.marked(run_id) == []
