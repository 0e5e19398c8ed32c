"""A control group of a run's own, where this machine delegates one; elsewhere there is nothing to try."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from examples.git_server import GitServer
from repo_runner import cgroup, lease, run_group
from repo_runner.cgroup import Cgroup
from repo_runner.manager import Manager
from repo_runner.paths import HomePaths
from repo_runner.settings import Settings
from tests.app_fixtures import app_env
from tests.git_fixtures import MakeRepo
from tests.integration.faults.conftest import Faulty
from tests.integration.faults.test_d_trees import SCRIPTS
from tests.waiting import wait_for

_PROBE = Cgroup.make(f"repo-runner-test-{os.getpid()}")
if _PROBE is not None:
    _PROBE.remove()
needs_cgroup = pytest.mark.skipif(_PROBE is None, reason="cgroup v2 is not delegated here")


@pytest.fixture
def grouped(
    make_repo: MakeRepo, run_settings: Settings, git_server: GitServer, shared_caches: Path
) -> Iterator[Faulty]:
    env = app_env(git_server, shared_caches) | {
        "REPO_RUNNER_HOME": str(run_settings.home),
        "REPO_RUNNER_CGROUP": "auto",
    }
    manager = Manager(Settings.from_env(env))
    manager.recover()
    yield Faulty(make_repo, manager)
    manager.close()


@needs_cgroup
def test_what_cleared_its_environment_does_not_outlive_a_killed_supervisor(
    grouped: Faulty,
) -> None:
    with grouped.running(SCRIPTS["cleared_environment"]) as run_id:
        paths = grouped.manager.paths.run(run_id)
        group = Path(paths.cgroup.read_text())
        assert len((group / "cgroup.procs").read_text().split()) == 2
        holder = lease.holder(paths.lock)
        assert holder is not None
        holder.signal(signal.SIGKILL)
        run = grouped.ended(run_id)
    assert grouped.manager.environment(run.run_id).control_group
    assert not run.notes
    wait_for(lambda: not group.exists(), what="the end of the group")


@needs_cgroup
def test_a_group_is_gone_with_its_run_and_the_supervisor_is_not_in_it(grouped: Faulty) -> None:
    run = grouped.run("print(open('/proc/self/cgroup').read())\n")
    assert f"repo-runner-{run.run_id}" in grouped.manager.logs(run.run_id).text
    assert not Path(grouped.manager.paths.run(run.run_id).cgroup.read_text()).exists()


def test_where_nothing_is_delegated_there_is_no_group(tmp_path: Path) -> None:
    (tmp_path / "self").mkdir()
    (tmp_path / "self/cgroup").write_text("0::/box\n")
    assert Cgroup.make("run", proc=tmp_path, mounts=(tmp_path / "nothing",)) is None


def test_a_group_that_hands_down_memory_keeps_the_limit_and_counts_its_kills(
    tmp_path: Path,
) -> None:
    """By files in the shape of the kernel's: the memory controller is not delegated where these tests run."""
    group = Cgroup(tmp_path)
    assert not group.limits_memory
    (tmp_path / "memory.max").write_text("max")
    (tmp_path / "memory.events").write_text("low 0\noom 2\noom_kill 2\n")
    assert group.limits_memory
    group.limit_memory(1 << 30)
    assert (tmp_path / "memory.max").read_text() == str(1 << 30)
    assert group.memory_kills() == 2


def test_the_app_s_start_ends_the_groups_whose_supervisors_are_gone_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By folders in the place of the kernel's."""
    monkeypatch.setattr(cgroup, "_EMPTIES_WITHIN_S", 0.1)
    home = HomePaths(tmp_path)
    groups = {run_id: tmp_path / "groups" / run_id for run_id in ("lives", "died", "ended")}
    for run_id, group in groups.items():
        paths = home.run(run_id)
        paths.root.mkdir(parents=True)
        paths.cgroup.write_text(str(group))
        if run_id != "ended":
            group.mkdir(parents=True)
    held = lease.Lease.take(home.run("lives").lock)
    assert held
    run_group.sweep(home)
    held.release()
    assert (groups["died"] / "cgroup.kill").read_text() == "1"
    assert list(groups["lives"].iterdir()) == []
    assert not groups["ended"].exists()
