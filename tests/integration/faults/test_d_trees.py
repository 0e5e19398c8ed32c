"""D3: whatever a script does to live on, nothing of it is left after the ladder."""

from __future__ import annotations

import signal
from pathlib import Path

import psutil
import pytest

from examples.git_server import GitServer
from repo_runner import lease, process
from repo_runner.models import RunStatus
from repo_runner.settings import Settings
from tests.app_fixtures import app_env
from tests.git_fixtures import MakeRepo
from tests.integration.faults.conftest import Faulty
from tests.integration.faults.test_d_stops import hanging_build, hanging_fetch
from tests.waiting import wait_for


@pytest.fixture
def run_settings(run_settings: Settings, git_server: GitServer, shared_caches: Path) -> Settings:
    """With little patience for scripts that do not want to end."""
    env = app_env(git_server, shared_caches) | {"REPO_RUNNER_STOP_GRACE_S": "1"}
    return Settings.from_env(env | {"REPO_RUNNER_HOME": str(run_settings.home)})


READY = "print('ready', flush=True)\nimport time\nwhile True: time.sleep(0.1)\n"
DEAF = (
    "import signal\n"
    "for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:\n"
    "    signal.signal(number, signal.SIG_IGN)\n"
)
SCRIPTS = {
    "ignores_sigterm": "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + READY,
    "traps_all_signals": DEAF + READY,
    "blocks_in_c": (
        "import ctypes, signal\nsignal.signal(signal.SIGTERM, lambda *_: None)\n"
        "print('ready', flush=True)\nctypes.PyDLL(None).sleep(600)\n"
    ),
    "setsid_child": (
        "import subprocess, sys\n"
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'], start_new_session=True)\n"
        + READY
    ),
    "double_fork": (
        "import os, time\n"
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        "    if os.fork() == 0:\n"
        "        time.sleep(600)\n"
        "    os._exit(0)\n"
        "os.wait()\n" + READY
    ),
    "cleared_environment": (
        "import subprocess, sys\n"
        "code = 'import time; time.sleep(600)'\n"
        "subprocess.Popen([sys.executable, '-c', code], env={}, start_new_session=True)\n" + READY
    ),
    "fork_loop": (
        "import os, signal, time\n"
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        "    while True:\n"
        "        if os.fork(): os._exit(0)\n"  # each generation lives for an instant
        "        time.sleep(0.005)\n" + READY
    ),
    "holds_the_pipe": (
        "import subprocess, sys\n"
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "print('ready', flush=True)\n"
    ),
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_D3_nothing_of_a_stopped_script_is_left(faulty: Faulty, name: str) -> None:
    """The fixture of every test looks for what is left."""
    with faulty.running(SCRIPTS[name]) as run_id:
        faulty.manager.stop(run_id)
        run = faulty.ended(run_id)
    wanted = (
        {RunStatus.SUCCEEDED, RunStatus.STOPPED}
        if name == "holds_the_pipe"
        else {RunStatus.STOPPED}
    )
    assert run.status in wanted
    assert process.marked(run_id) == []


def lost(faulty: Faulty, run_id: str) -> None:
    """Kill the supervisor; nothing of its tree outlives the run's end."""
    holder = lease.holder(faulty.manager.paths.run(run_id).lock)
    assert holder is not None
    assert process.marked(run_id)
    holder.signal(signal.SIGKILL)
    run = faulty.ended(run_id)
    assert run.failure is not None
    assert (run.failure.error_code, run.exit_cause) == ("supervisor_lost", "lost")
    wait_for(lambda: process.marked(run_id) == [], what="the end of the tree")


@pytest.mark.parametrize("name", ["double_fork", "fork_loop", "traps_all_signals"])
def test_D3_nothing_is_left_when_the_supervisor_is_killed(faulty: Faulty, name: str) -> None:
    with faulty.running(SCRIPTS[name]) as run_id:
        lost(faulty, run_id)


def test_D3_git_of_a_killed_supervisor_does_not_outlive_it(
    faulty: Faulty, git_server: GitServer, make_repo: MakeRepo
) -> None:
    with hanging_fetch(faulty, git_server, make_repo) as run_id:
        assert any("git" in name for name in names(run_id))
        lost(faulty, run_id)


def test_D3_the_installer_of_a_killed_supervisor_does_not_outlive_it(
    faulty: Faulty, make_repo: MakeRepo, tmp_path: Path
) -> None:
    with hanging_build(faulty, make_repo, tmp_path) as run_id:
        assert "uv" in names(run_id)
        lost(faulty, run_id)


def names(run_id: str) -> list[str]:
    return [psutil.Process(pid).name() for pid in process.marked(run_id)]
