"""G5: a burst of submissions: order kept, all end, 429 only past the stated limit, the decision who is next stays flat.

The full one, 500 runs below the started app, is `benchmarks/burst.py`.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from examples.app_process import AppProcess
from examples.git_server import GitServer
from repo_runner.client import Client
from repo_runner.errors import QueueFull
from repo_runner.manager import Manager
from repo_runner.models import Run, RunStatus, Submission
from repo_runner.settings import Settings
from tests.app_fixtures import NOTHING_TO_INSTALL, app_env, prepared
from tests.git_fixtures import MakeRepo
from tests.waiting import wait_for

SUBMITTED, MAY_WAIT = 60, 50
BURST, AT_ONCE = 24, 5


def end_all(manager: Manager) -> list[str]:
    """Begin and end what is due, until nothing is; returns the order of the beginnings."""
    begun: list[str] = []
    while due := list(manager.due([])):
        begun += due
        for run_id in due:
            manager.store.begin(run_id)
            manager.store.finish(run_id, status="succeeded", ended_at=time.time())
    return begun


def test_G5_a_burst_is_accepted_up_to_the_limit_and_ends_in_order(
    make_repo: MakeRepo, run_settings: Settings
) -> None:
    manager = Manager(replace(run_settings, max_waiting=MAY_WAIT))
    manager.recover()
    link = make_repo({"train.py": "print()\n", **NOTHING_TO_INSTALL})[0]

    def submit(number: int) -> str:
        submission = Submission(link=link, script_path="train.py")
        try:
            return manager.submit(submission, f"burst-{number}").run_id
        except QueueFull:
            return ""

    with ThreadPoolExecutor(16) as threads:
        accepted = [run_id for run_id in threads.map(submit, range(SUBMITTED)) if run_id]
    assert len(accepted) == MAY_WAIT
    in_order = sorted(accepted, key=lambda run_id: manager.store.get(run_id).number)
    assert [manager.get(run_id).queue_position for run_id in in_order] == [*range(1, MAY_WAIT + 1)]
    assert end_all(manager) == in_order
    assert submit(0) in accepted  # the same key is the same run, however full it was
    manager.close()


def test_G5_runs_of_a_burst_are_let_in_strictly_in_order_though_they_start_side_by_side(
    git_server: GitServer, shared_caches: Path, make_repo: MakeRepo, tmp_path: Path
) -> None:
    env = app_env(git_server, shared_caches) | {"REPO_RUNNER_MAX_RUNNING": str(AT_ONCE)}
    link = make_repo({"train.py": "print('done')\n", **NOTHING_TO_INSTALL})[0]
    with AppProcess(prepared(tmp_path / "home", shared_caches), env=env) as app:
        client = Client.from_settings(app.settings)

        def submit(_number: int) -> None:
            client.submit(Submission(link=link, script_path="train.py"))

        with ThreadPoolExecutor(8) as threads:
            list(threads.map(submit, range(BURST)))
        runs = ended(client)
    assert [run.status for run in runs] == [RunStatus.SUCCEEDED] * BURST
    starts = [run.started_at for run in runs]
    assert all(early and late and early < late for early, late in pairwise(starts)), starts


def ended(client: Client) -> list[Run]:
    """All runs, in the order they were accepted in."""

    def look() -> list[Run]:
        runs = list(client.list(limit=BURST).runs)
        return runs[::-1] if all(run.status.is_terminal for run in runs) else []

    return wait_for(look, timeout_s=240, what="the end of the burst")
