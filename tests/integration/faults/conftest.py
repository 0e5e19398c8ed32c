"""What the fault tests share: a script of a few lines, run to its end by the real supervisor."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from repo_runner import lease, process
from repo_runner.manager import Manager
from repo_runner.models import Run, Submission
from repo_runner.paths import RunPaths
from tests.app_fixtures import NOTHING_TO_INSTALL, following, log_of, wait_until_ended
from tests.git_fixtures import MakeRepo
from tests.waiting import wait_for


class Faulty:
    """Runs of scripts that do something bad."""

    def __init__(self, make_repo: MakeRepo, manager: Manager) -> None:
        self._make_repo = make_repo
        self.manager = manager

    def submit(self, script: str, **fields: Any) -> str:
        """A run of this script; `fields` are a Submission's."""
        url = self._make_repo({"train.py": script, **NOTHING_TO_INSTALL})[0]
        return self.manager.submit(Submission(link=url, script_path="train.py", **fields)).run_id

    def run(self, script: str, **fields: Any) -> Run:
        """The same, followed to its end."""
        run_id = self.submit(script, **fields)
        with following(self.manager, run_id):
            return wait_until_ended(self.manager, run_id)

    @contextmanager
    def running(self, script: str, said: str = "ready", **fields: Any) -> Iterator[str]:
        """The same, until the script has said this word."""
        run_id = self.submit(script, **fields)
        with following(self.manager, run_id):
            self.wait_until_said(run_id, said)
            yield run_id

    def wait_until_said(self, run_id: str, word: str) -> None:
        wait_for(
            lambda: word in self.manager.logs(run_id).text,
            timeout_s=200,
            what=f"the word {word!r} in the output",
            log=lambda: log_of(self.manager, run_id),
        )

    def wait(self, run_id: str, look: Callable[[Run], bool], what: str) -> None:
        """Until the run is as wanted."""
        wait_for(
            lambda: look(self.manager.get(run_id)),
            timeout_s=60,
            what=what,
            log=lambda: log_of(self.manager, run_id),
        )

    def ended(self, run_id: str) -> Run:
        return wait_until_ended(self.manager, run_id)


@pytest.fixture
def faulty(make_repo: MakeRepo, manager: Manager) -> Iterator[Faulty]:
    """What a failed test leaves must not fail the next one too."""
    yield Faulty(make_repo, manager)
    for folder in manager.paths.runs.iterdir():
        holder = lease.holder(RunPaths(folder).lock)
        if holder is not None:
            holder.signal(signal.SIGKILL)
            process.kill_marked(folder.name)
