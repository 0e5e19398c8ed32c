"""A real Ray cluster for the tests, one for all of them, and the proof that nothing of it is left behind."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from examples.git_server import GitServer
from repo_runner.manager import Manager
from repo_runner.settings import Settings
from tests.app_fixtures import app_env
from tests.leftovers import SESSION_FOLDER
from tests.waiting import wait_for

ROOT = Path(__file__).resolve().parent.parent
RAY_PYTHON = ROOT / ".venv-ray" / "bin" / "python"
#: Marks every process of the cluster and of its jobs.
CLUSTER = "TEST_RAY_CLUSTER"
_START_S = 180.0


class RayCluster:
    """A head and two workers on loopback."""

    def __init__(
        self, folder: Path, env: dict[str, str], *, cpus: int = 4, workers: int = 2
    ) -> None:
        if not RAY_PYTHON.exists():
            pytest.fail("Ray is not installed beside the app: run `make setup-ray`.")
        # Ray's sockets live below it: their names may have 107 bytes.
        self.temp = Path(tempfile.mkdtemp(prefix="ray-"))
        self.home = folder / "node"
        self.log = folder / "cluster.log"
        self.shelf = folder / "shelf"
        self.shelf.mkdir()
        self._env = env | {CLUSTER: str(self.temp), "REPO_RUNNER_NODE_HOME": str(self.home)}
        argv = [str(RAY_PYTHON), str(ROOT / "tests" / "ray_cluster.py"), str(self.temp)]
        self._process = subprocess.Popen(
            [*argv, str(cpus), str(workers)],
            env=self._env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log.open("wb"),
            text=True,
        )
        self._facts = self._hear()

    @property
    def dashboard(self) -> str:
        return self._facts["dashboard"]

    @property
    def workers(self) -> list[str]:
        return self._facts["workers"]

    @property
    def session(self) -> Path:
        """Where Ray keeps its logs."""
        return (self.temp / "ray" / "session_latest").resolve()

    def order(self, **what: object) -> None:
        assert self._process.stdin
        self._process.stdin.write(json.dumps(what) + "\n")
        self._process.stdin.flush()
        self._facts = self._hear()

    def processes(self) -> list[psutil.Process]:
        """Everything of the cluster, jobs included."""
        marked = [p for p in psutil.process_iter() if _environ(p).get(CLUSTER) == str(self.temp)]
        # Who gives itself a title overwrites its environment with it.
        below = [child for p in marked for child in _children(p)]
        return list({p.pid: p for p in (*marked, *below)}.values())

    def head(self) -> list[psutil.Process]:
        """Its bookkeeping: the GCS, the dashboard and the processes that one consists of."""
        all_of_it = [(command_of(p), p) for p in self.processes()]
        words = ("gcs_server", "dashboard.py", "ray-dashboard", "forkserver")
        return [p for command, p in all_of_it if any(word in command for word in words)]

    def close(self) -> None:
        """Killed, not shut down: that takes Ray a minute, and nothing of it is looked at any more."""
        wait_for(self._is_killed, what="the end of the cluster", timeout_s=60, log=self._describe)
        self._process.communicate()
        shutil.rmtree(self.temp)

    def _is_killed(self) -> bool:
        left = self.processes()
        for process in left:
            with contextlib.suppress(psutil.Error):
                process.kill()
        return not left

    def _hear(self) -> dict:
        assert self._process.stdout
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            assert selector.select(_START_S), (
                f"The cluster is silent.\n{self.log.read_text()[-5000:]}"
            )
        line = self._process.stdout.readline()
        assert line, f"The cluster has ended.\n{self.log.read_text()[-5000:]}"
        return json.loads(line)

    def _describe(self) -> str:
        return "\n".join(command_of(p)[:200] for p in self.processes())


def command_of(process: psutil.Process) -> str:
    """Empty for one that has just gone."""
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return [p for p in process.children() if p.status() != psutil.STATUS_ZOMBIE]
    except psutil.Error:
        return []


def _environ(process: psutil.Process) -> dict[str, str]:
    try:
        return process.environ() if process.status() != psutil.STATUS_ZOMBIE else {}
    except psutil.Error:
        return {}


@pytest.fixture(scope="session")
def ray_cluster(
    git_server: GitServer, shared_caches: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RayCluster]:
    """Its nodes share one data folder, as nodes with a shared home do, and fetch from the test git server."""
    folder = tmp_path_factory.mktemp("ray")
    (folder / "node").mkdir()
    (folder / "node" / "cache").symlink_to(shared_caches)
    env = node_env(git_server, shared_caches)
    cluster = RayCluster(folder, env)
    try:
        yield cluster
    finally:
        cluster.close()


def node_env(git_server: GitServer, shared_caches: Path) -> dict[str, str]:
    """What a machine of the cluster is set up with; nothing of the app's own."""
    env = app_env(git_server, shared_caches)
    own = {n: v for n, v in env.items() if not n.startswith("REPO_RUNNER_") and n != SESSION_FOLDER}
    path = os.pathsep.join([str(RAY_PYTHON.parent), env["PATH"]])
    return {**own, "PATH": path, "UV_FIND_LINKS": env.get("PIP_FIND_LINKS", "")}


@pytest.fixture
def ray_settings(run_settings: Settings, ray_cluster: RayCluster) -> Settings:
    """Settings of an app that may use the cluster."""
    return replace(
        run_settings,
        backends=("local", "ray"),
        ray_address=ray_cluster.dashboard,
        shelf_url=f"file://{ray_cluster.shelf}",
    )


@pytest.fixture
def ray_manager(ray_settings: Settings) -> Iterator[Manager]:
    """A manager on an empty store whose runs may go to the cluster."""
    manager = Manager(ray_settings)
    manager.recover()
    yield manager
    manager.close()
