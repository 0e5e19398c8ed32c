"""D1: however a script ends, the exact cause is shown; and by the run's rules it is tried again."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from repo_runner.errors import StoreUnavailable
from repo_runner.events import read_batch
from repo_runner.follower import Follower
from repo_runner.manager import Manager
from repo_runner.models import RunStatus
from repo_runner.store_queue import QueueStore
from tests.app_fixtures import following
from tests.integration.faults.conftest import Faulty
from tests.waiting import wait_for


@pytest.mark.parametrize(
    ("script", "exit_code", "signal", "cause", "error_code"),
    [
        ("print('fine')", 0, None, "code", None),
        ("raise ValueError('bad')", 1, None, "code", "script_failed"),
        ("import sys; sys.exit(77)", 77, None, "code", "script_failed"),
        ("import sys; sys.exit('a message')", 1, None, "code", "script_failed"),
        ("import os; os._exit(3)", 3, None, "code", "script_failed"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", None, 11, "signal", "script_killed"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", None, 9, "signal", "script_killed"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", None, 15, "signal", "script_killed"),
        ("held = bytearray(1 << 60)", 1, None, "out_of_memory", "out_of_memory"),
        ("import errno; raise OSError(errno.ENOSPC, 'No space left')", 1, None, "disk", "disk_full"),
    ],
    ids="ok exception exit_77 exit_message os_exit segfault sigkill sigterm memory disk".split(),
)  # fmt: skip
def test_D1_the_exact_cause_of_an_end_is_shown(
    faulty: Faulty, script: str, exit_code: int, signal: int, cause: str, error_code: str
) -> None:
    run = faulty.run(f"print('a line before', flush=True)\n{script}\n")
    failure = run.failure.error_code if run.failure else None
    assert (run.exit_code, run.exit_signal, run.exit_cause, failure) == (
        exit_code, signal, cause, error_code,
    )  # fmt: skip
    assert "a line before" in faulty.manager.logs(run.run_id).text
    assert run.duration_s


def test_D1_a_failed_attempt_is_tried_again_by_the_runs_rules_and_its_stream_tells_it_once(
    faulty: Faulty, manager: Manager, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored, failures = QueueStore.try_again, [StoreUnavailable()]

    def fail_first(*asked: object, **more: float) -> bool:
        if failures:
            raise failures.pop()
        return stored(*asked, **more)

    monkeypatch.setattr(QueueStore, "try_again", fail_first)
    script = (
        "import os, pathlib, signal\n"
        "seen = pathlib.Path('seen')\n"
        "if seen.exists(): print('the second time'); raise SystemExit(0)\n"
        "seen.touch()\nos.kill(os.getpid(), signal.SIGKILL)\n"
    )
    rules = {"times": 2, "error_codes": ["script_killed"]}
    run_id = faulty.submit(script, retries=rules)
    soon = replace(manager.settings, retry_after_s=0.01)
    Follower(soon, run_id, str).follow(threading.Event())
    waiting = manager.get(run_id)
    assert (waiting.status, waiting.retries_used) == (RunStatus.PENDING, 1)
    assert "Attempt 1 failed (script_killed)" in waiting.notes[-1]
    faulty.wait(run_id, lambda _: list(manager.due([])) == [run_id], "its turn")
    with following(manager, run_id):
        run = faulty.ended(run_id)
    assert (run.status, run.attempt, run.retries_used) == (RunStatus.SUCCEEDED, 2, 1)
    events = read_batch(manager.paths.run(run_id).events, 0).events
    assert [e["seq"] for e in events] == [*range(1, len(events) + 1)]
    (retry,) = (e for e in events if e["kind"] == "retry")
    assert (retry["attempt"], retry["retry"], retry["of"]) == (1, 1, 2)
    assert retry["error_code"] == "script_killed"
    assert retry["t"] < retry["retry_at"]


def test_D1_a_failure_the_rules_do_not_name_is_the_end(faulty: Faulty) -> None:
    rules = {"times": 2, "error_codes": ["supervisor_lost"]}
    run = faulty.run("raise ValueError('bad')\n", retries=rules)
    assert (run.status, run.attempt, run.retries_used) == (RunStatus.FAILED, 1, 0)


@pytest.fixture
def little_memory() -> Iterator[None]:
    """All that is started meanwhile has 600 MB together, kept by the kernel; skipped where we may not arrange that."""
    own = next(
        (ln for ln in Path("/proc/self/cgroup").read_text().splitlines() if ":memory:" in ln), ""
    )
    home = Path("/sys/fs/cgroup/memory") / own.rpartition(":")[2].lstrip("/")
    group = home / f"repo-runner-test-{os.getpid()}"
    try:
        group.mkdir()
        (group / "memory.limit_in_bytes").write_text(str(600 << 20))
        (group / "cgroup.procs").write_text(str(os.getpid()))
    except OSError:
        pytest.skip("control groups (v1) of memory are not ours to make here")
    yield
    (home / "cgroup.procs").write_text(str(os.getpid()))
    wait_for(lambda: not (group / "cgroup.procs").read_text(), what="the group to be empty")
    group.rmdir()


@pytest.mark.usefixtures("little_memory")
def test_D1_a_script_the_kernel_ends_for_lack_of_memory_says_so(faulty: Faulty) -> None:
    run = faulty.run("held = []\nwhile True: held.append(bytearray(8 << 20))\n")
    assert run.failure is not None
    assert (run.failure.error_code, run.exit_signal) == ("out_of_memory", 9)
    assert run.exit_cause == "out_of_memory"
