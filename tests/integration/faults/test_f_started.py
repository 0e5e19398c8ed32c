"""F1 and F2 on the started app: what its disk and its database suffer while a run trains; the run never notices."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from examples.app_process import ROOT, AppProcess
from examples.git_server import GitServer
from repo_runner.backups import damage_of
from repo_runner.client import ApiError, Client
from repo_runner.errors import AppUnreachable
from repo_runner.models import RunStatus, Submission
from tests.app_fixtures import NOTHING_TO_INSTALL, app_env, prepared
from tests.fault_matrix import NOTE
from tests.git_fixtures import MakeRepo
from tests.integration.faults.patient import Patient
from tests.integration.faults.scripts import GOES_ON
from tests.integration.faults.stores import Ballast
from tests.integration.faults.test_deaths import is_complete
from tests.waiting import wait_for

#: Longer than a writer waits for the lock (5 s); `make faults` holds it for the whole minute.
_HELD_S = 60.0 if os.environ.get("TEST_ALL_FAULTS") else 8.0


class Life:
    """The started app and a run that trains until `gate` exists."""

    def __init__(self, app: AppProcess, url: str, folder: Path) -> None:
        self.app = app
        self.patient = Patient(app)
        self._url, self._folder = url, folder
        self._gates: list[Path] = []
        self.run_id = self.submit()
        self.gate = self._gates[0]
        wait_for(lambda: self.client.metrics(self.run_id), timeout_s=120, log=self.patient.log)

    @property
    def database(self) -> Path:
        return self.app.home / "store.db"

    @property
    def client(self) -> Client:
        return self.patient.client

    def submit(self) -> str:
        """Another run that trains until its gate is open."""
        gate = self._folder / f"gate-{len(self._gates)}"
        self._gates.append(gate)
        asked = Submission(link=self._url, script_path="train.py", script_args=f"'{gate}'")
        return self.client.submit(asked).run_id

    def refusal(self) -> ApiError:
        """What a submission is answered."""
        with pytest.raises(ApiError) as caught:
            self.submit()
        return caught.value

    def submits_again(self) -> None:
        """A run that is submitted now starts, trains and ends."""
        run_id = self.submit()
        self._gates[-1].touch()
        self.ends(run_id)

    def ends(self, run_id: str) -> None:
        wait_for(
            lambda: self.client.get(run_id).status.is_terminal,
            timeout_s=120,
            what=f"the end of {run_id}",
            log=self.patient.log,
        )
        assert self.client.get(run_id).status is RunStatus.SUCCEEDED

    def steps(self) -> int:
        """How many values of the run the API tells."""
        return max((curve.total for curve in self.client.metrics(self.run_id)), default=0)

    def steps_on(self) -> None:
        """The run's newest values arrive."""
        before = self.steps()
        wait_for(lambda: self.steps() > before, timeout_s=60, what="values", log=self.patient.log)

    def close(self) -> None:
        for gate in self._gates:
            gate.touch()
        self.app.stop()


@pytest.fixture
def home(tmp_path: Path, shared_caches: Path) -> Path:
    return prepared(tmp_path / "home", shared_caches)


def started(
    home: Path, git_server: GitServer, shared_caches: Path, make_repo: MakeRepo, folder: Path
) -> Life:
    env = app_env(git_server, shared_caches) | {"REPO_RUNNER_MIN_FREE_BYTES": "0"}
    url, _ = make_repo({"train.py": GOES_ON, **NOTHING_TO_INSTALL})
    return Life(AppProcess(home, env=env), url, folder)


@pytest.fixture
def life(
    home: Path, git_server: GitServer, shared_caches: Path, make_repo: MakeRepo, tmp_path: Path
) -> Iterator[Life]:
    life = started(home, git_server, shared_caches, make_repo, tmp_path)
    yield life
    life.close()


@pytest.mark.timeout(600)
def test_F2_the_started_app_lives_through_a_lock_a_removed_journal_and_damage(
    life: Life, record_property
) -> None:
    main = life.app.process
    a_lock_is_waited_for(life)
    record_property(NOTE, f"locked for {_HELD_S:.0f} s")
    a_removed_journal_loses_nothing(life)
    assert life.app.process is main
    damage_is_said_and_mended(life)
    life.gate.touch()
    life.ends(life.run_id)
    is_complete(life.client, life.app.home, life.run_id)


def a_lock_is_waited_for(life: Life) -> None:
    with closing(sqlite3.connect(life.database, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        until = time.monotonic() + _HELD_S
        answer = life.refusal()
        assert (answer.http_status, answer.error_code) == (503, "store_unavailable")
        assert "Another program holds the database" in answer.message
        while time.monotonic() < until:
            assert life.client.get(life.run_id).status is RunStatus.RUNNING
            time.sleep(0.2)
    life.steps_on()
    life.submits_again()


def a_removed_journal_loses_nothing(life: Life) -> None:
    before = life.steps()
    for name in ("store.db-wal", "store.db-shm"):
        life.database.with_name(name).unlink()
    wait_for(lambda: answers(life, before), timeout_s=60, what="values", log=life.patient.log)
    life.submits_again()
    assert damage_of(life.database) is None


def damage_is_said_and_mended(life: Life) -> None:
    for name in ("store.db", "store.db-wal"):
        spoil(life.database.with_name(name))
    wait_for(lambda: "damaged" in problems(life), timeout_s=120, log=life.patient.log)
    assert "repo_runner restore" in problems(life)
    assert life.refusal().error_code == "store_damaged"
    assert life.app.process
    assert life.app.process.poll() is None
    life.app.stop()
    restored = subprocess.run(
        [sys.executable, "-m", "repo_runner", "restore"],
        cwd=ROOT,
        env=life.app.env,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "The old database is kept" in restored.stdout
    life.patient.client = life.app.start()
    life.steps_on()
    life.submits_again()


def spoil(file: Path) -> None:
    """As it lies: nobody opens it anew for that."""
    with file.open("r+b") as opened:
        opened.write(b"noise, " * (file.stat().st_size // 7))


def problems(life: Life) -> str:
    return " ".join(life.client.health().problems)


def answers(life: Life, before: int) -> bool:
    """Whether values came since; while the database is opened anew it is said that it is."""
    try:
        return life.steps() > before
    except ApiError as error:
        assert error.error_code == "store_unavailable", error.message  # noqa: PT017  # the next answer counts
        return False


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Nothing in it can be created, renamed or opened for writing; what is open stays so, as after any remount."""
    subprocess.run(["mount", "--bind", str(folder), str(folder)], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", str(folder)], check=True)
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def a_run_that_ends_while_nothing_can_be_written_is_told_afterwards(life: Life) -> None:
    life.patient.run_id = life.run_id
    supervisor = life.patient.supervisor
    assert supervisor
    with read_only(life.app.home):
        refused = life.refusal()
        assert refused.http_status in (503, 507), refused.message
        assert "read-only" in refused.message
        assert "read-only" in problems(life)
        life.gate.touch()
        until = time.monotonic() + 3
        while time.monotonic() < until:
            assert not life.client.get(life.run_id).status.is_terminal
            assert supervisor.is_alive
            time.sleep(0.2)
    life.ends(life.run_id)
    assert "read-only" not in problems(life)


@pytest.mark.timeout(600)
def test_F1_the_started_app_lives_through_a_full_and_a_read_only_disk_and_does_not_start_on_one(
    small_disk: Path,
    git_server: GitServer,
    shared_caches: Path,
    make_repo: MakeRepo,
    tmp_path: Path,
) -> None:
    home = prepared(small_disk / "home", shared_caches)
    life = started(home, git_server, shared_caches, make_repo, tmp_path)
    try:
        main = life.app.process
        with Ballast(small_disk / "ballast"):
            refused = life.refusal()
            assert refused.http_status in (503, 507), refused.message
            assert "disk" in refused.message or "space" in refused.message
            assert any("disk" in problem for problem in life.client.health().problems)
            assert not life.client.get(life.run_id).status.is_terminal
        life.steps_on()
        life.submits_again()
        a_run_that_ends_while_nothing_can_be_written_is_told_afterwards(life)
        life.submits_again()
        assert life.app.process is main
        is_complete(life.client, home, life.run_id)
    finally:
        life.close()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    life.app.log = tmp_path / "app.log"
    with pytest.raises(AppUnreachable, match="Read-only file system"):
        life.app.start()
