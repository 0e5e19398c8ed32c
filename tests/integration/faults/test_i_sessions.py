"""I1: many sessions while runs log. In full (`make faults`): 50 sessions on 5 runs at full speed for an hour.

In every test run a few sessions, on runs that log ten times a second: at full speed two of them take a whole machine of
two cores, and whatever is tested beside them is late.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles

import psutil
import pytest

from examples.app_process import AppProcess
from examples.git_server import GitServer
from repo_runner.client import Client
from repo_runner.models import RunStatus, Submission
from repo_runner.process import MARKER
from tests.app_fixtures import NOTHING_TO_INSTALL, app_env, prepared
from tests.fault_matrix import NOTE
from tests.git_fixtures import MakeRepo
from tests.integration.faults.scripts import GOES_ON, LOUD
from tests.page_sessions import PageSession
from tests.waiting import wait_for

_IS_FULL = bool(os.environ.get("TEST_ALL_FAULTS"))
_SCRIPT = LOUD if _IS_FULL else GOES_ON
_SESSIONS, _RUNS, _SECONDS, _WARM_S = (50, 5, 3600, 300) if _IS_FULL else (4, 2, 2, 2)
#: What is measured goes on until there are so many pages and updates; a busy machine takes longer for them.
_LEAST_ANSWERS = 3 * _SESSIONS
#: Of 95 of 100 pages. Beside other tests on two cores, only what hangs is slow.
_SLOW_S = 2.0 if _IS_FULL else 20.0
_GROWTH = 1.1 if _IS_FULL else 1.3


@dataclass(frozen=True)
class Held:
    """What the app's own processes hold of the machine."""

    threads: int
    descriptors: int
    memory_bytes: int

    @classmethod
    def by(cls, app: AppProcess) -> Held:
        assert app.process
        main = psutil.Process(app.process.pid)
        family = [main, *(p for p in main.children(recursive=True) if MARKER not in p.environ())]
        return cls(
            sum(p.num_threads() for p in family),
            sum(p.num_fds() for p in family),
            sum(p.memory_info().rss for p in family),
        )


@pytest.mark.timeout(_SECONDS + 900)
def test_I1_many_sessions_while_runs_log_cost_neither_time_nor_memory(
    git_server: GitServer,
    shared_caches: Path,
    make_repo: MakeRepo,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    env = app_env(git_server, shared_caches) | {"REPO_RUNNER_MAX_RUNNING": str(_RUNS)}
    link = make_repo({"train.py": _SCRIPT, **NOTHING_TO_INSTALL})[0]
    gate = tmp_path / "gate"
    with AppProcess(prepared(tmp_path / "home", shared_caches), env=env) as app:
        client = Client.from_settings(app.settings)
        asked = Submission(link=link, script_path="train.py", script_args=f"'{gate}'")
        runs = [client.submit(asked).run_id for _ in range(_RUNS)]
        try:
            for run_id in runs:
                wait_for(lambda i=run_id: client.metrics(i), timeout_s=120, what="values")
            with looking(app, runs) as sessions:
                time.sleep(_WARM_S)
                before, asked_before = Held.by(app), answers(sessions)
                time.sleep(_SECONDS)
                wait_for(
                    lambda: answers(sessions) >= asked_before + _LEAST_ANSWERS,
                    timeout_s=300,
                    what="answers",
                )
                after, answered = Held.by(app), answers(sessions) - asked_before
        finally:
            gate.touch()
        for run_id in runs:
            wait_for(lambda i=run_id: client.get(i).status.is_terminal, timeout_s=120)
            assert client.get(run_id).status is RunStatus.SUCCEEDED
    pages = [seconds for session in sessions for seconds in session.pages]
    p95 = quantiles(pages, n=20)[-1]
    record_property(
        NOTE, f"{_SESSIONS} sessions, {_RUNS} runs, {answered} answers; p95 page {p95:.1f} s"
    )
    assert [fault for session in sessions for fault in session.faults] == []
    assert p95 < _SLOW_S
    # What stayed behind after each answer would show.
    assert after.threads - before.threads < answered / 2, (before, after, answered)
    assert after.descriptors - before.descriptors < answered / 2, (before, after, answered)
    assert after.memory_bytes < before.memory_bytes * _GROWTH, (before, after)


@contextmanager
def looking(app: AppProcess, runs: list[str]) -> Iterator[list[PageSession]]:
    """Each session looks at one of the runs; all have seen it once."""
    sessions = [PageSession(app, runs[number % len(runs)]) for number in range(_SESSIONS)]
    for session in sessions:
        session.start()
    try:
        wait_for(
            lambda: all(session.pages or session.faults for session in sessions),
            timeout_s=180,
            what="the first pages",
        )
        yield sessions
    finally:
        for session in sessions:
            session.close()


def answers(sessions: list[PageSession]) -> int:
    return sum(len(session.pages) + len(session.updates) for session in sessions)
