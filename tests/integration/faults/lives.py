"""The app's part in a run's life, as steps that are repeated after a crash; each is lived in a process of its own."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from alembic import command
from alembic.config import Config

from repo_runner import migrations
from repo_runner.app_file import AppFile
from repo_runner.follower import Follower
from repo_runner.manager import Manager
from repo_runner.models import Run, RunStatus, Submission
from repo_runner.settings import Settings
from repo_runner.store import Store
from tests.integration.faults.plugin import crash_points
from tests.waiting import wait_for

PLUGIN = Path(crash_points.__file__).parent

#: Alembic keeps its context in a global.
_ONE_AT_A_TIME = threading.Lock()

#: Notes every change of a run's status, beside the store's own tables.
_HISTORY = """
CREATE TABLE IF NOT EXISTS test_history (status TEXT);
CREATE TRIGGER IF NOT EXISTS test_note_birth AFTER INSERT ON runs
  BEGIN INSERT INTO test_history VALUES (NEW.status); END;
CREATE TRIGGER IF NOT EXISTS test_note_change AFTER UPDATE OF status ON runs
  BEGIN INSERT INTO test_history VALUES (NEW.status); END;
"""


@dataclass(frozen=True)
class Life:
    """One run on a data folder of its own."""

    settings: Settings
    url: str
    #: Name of one of the functions below.
    story: str

    @property
    def passed(self) -> Path:
        """Where the points are noted."""
        return self.settings.home.with_name(f"{self.settings.home.name}-points")

    def live(self, wanted: str = "") -> int:
        """Live it in a new process; returns the exit code (-9: killed at the wanted point)."""
        process = _CONTEXT.Process(target=_live, args=(self, wanted))
        process.start()
        process.join(120)
        if process.is_alive():
            process.kill()
            process.join()
            raise AssertionError(f"{self.story} does not come to its end")
        assert process.exitcode is not None
        return process.exitcode


_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload([__name__, "tests.app_fixtures"])


def make_old(settings: Settings) -> None:
    """A store as the first version of the app has made it."""
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    store = Store(settings.store_url)
    config.attributes["engine"] = store.engine
    with _ONE_AT_A_TIME:
        command.upgrade(config, "0001")
    store.close()


def warm_up() -> None:
    """Start the server that the processes are forked from."""
    process = _CONTEXT.Process(target=os.getpid)
    process.start()
    process.join()


def _live(life: Life, wanted: str) -> None:
    facts = crash_points.facts(life.settings.home, life.passed, wanted)
    os.environ[crash_points.VARIABLE] = facts
    crash_points.install("app")
    own = {crash_points.VARIABLE: facts, "PYTHONPATH": str(PLUGIN)}
    settings = replace(life.settings, own_env={**life.settings.own_env, **own})
    claim = AppFile.claim(settings)
    manager = Manager(settings)
    manager.recover()
    with contextlib.closing(sqlite3.connect(settings.home / "store.db")) as store:
        store.executescript(_HISTORY)
    claim.publish(settings, "http://127.0.0.1:2")
    STORIES[life.story](manager, life.url)
    manager.close()
    claim.release()


def trained(manager: Manager, url: str) -> None:
    """Submitted, trained to its end."""
    _attend(manager, _submit(manager, url).run_id)


def resumed(manager: Manager, url: str) -> None:
    """Submitted, stopped, resumed, trained to its end."""
    run = _submit(manager, url)
    if run.attempt == 0 or (run.status is RunStatus.RUNNING and run.attempt == 1):
        _attend(manager, run.run_id, stop=True)
    run = manager.get(run.run_id)
    if run.attempt == 1 and run.status.is_terminal:
        manager.resume(run.run_id)
    _attend(manager, run.run_id)


def deleted(manager: Manager, url: str) -> None:
    """Submitted, trained, deleted; once they have asked for the deletion, nobody asks again."""
    asked = manager.paths.root / "asked"
    if asked.exists():
        return
    run_id = _submit(manager, url).run_id
    _attend(manager, run_id)
    asked.touch()
    manager.delete(run_id)


def updated(manager: Manager, url: str) -> None:
    """The app was updated, so that its store had to be: the steps before this one have done it."""
    trained(manager, url)


STORIES: dict[str, Callable[[Manager, str], None]] = {
    story.__name__: story for story in (trained, resumed, deleted, updated)
}


def _submit(manager: Manager, url: str) -> Run:
    submission = Submission(link=url, script_path="train.py", env={"MY_API_KEY": "of-the-person"})
    return manager.submit(submission, "the-one-run")


def _attend(manager: Manager, run_id: str, *, stop: bool = False) -> None:
    """What the main process and a work do until the run has ended."""
    stopping = threading.Thread(target=_stop_once_started, args=(manager, run_id))
    if stop:
        stopping.start()
    while not manager.get(run_id).status.is_terminal:
        for due in manager.due([]):
            Follower(manager.settings, due, str).follow(threading.Event())
    if stop:
        stopping.join()


def _stop_once_started(manager: Manager, run_id: str) -> None:
    def is_time() -> bool:
        return "started" in manager.logs(run_id).text or manager.get(run_id).status.is_terminal

    wait_for(is_time, timeout_s=60, what="the script's start")
    manager.stop(run_id)
