"""The contract of backends, kept by a real cluster; and what only a cluster can do to a run."""

from __future__ import annotations

import json
import selectors
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from repo_runner.backends.ray_job import job_name
from repo_runner.errors import RunnerError
from repo_runner.manager import Manager
from repo_runner.models import RunStatus, Submission
from repo_runner.settings import Settings
from tests.app_fixtures import (
    LIGHTNING_REQUIREMENTS,
    TINY_LIGHTNING,
    following,
    log_of,
    wait_until_ended,
)
from tests.backend_contract import *  # noqa: F403  the tests
from tests.backend_contract import plain, run_to_end, submit, wait_for_output
from tests.git_fixtures import MakeRepo
from tests.ray_fixtures import RayCluster, command_of
from tests.waiting import wait_for

TICKING = (
    "import time\n"
    "for i in range({ticks}):\n"
    "    print('tick', i, flush=True)\n"
    "    time.sleep(0.05)\n"
)
DDP = TINY_LIGHTNING.replace('accelerator="cpu",', 'accelerator="cpu", devices=1, strategy="ddp",')
SECRET = "s3cr3t-nobody-may-read"


class Wire:
    """Carries connections to the cluster, until it is cut; then what is open breaks and nothing new gets through."""

    def __init__(self, dashboard: str) -> None:
        host, _, port = dashboard.removeprefix("http://").partition(":")
        self._there = (host, int(port))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._open: list[socket.socket] = []
        self._is_cut = self._closed = False
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        self._is_cut = True
        for end in self._open:
            end.close()
        self._open.clear()

    def mend(self) -> None:
        self._is_cut = False

    def close(self) -> None:
        self._closed = True
        self.cut()
        self._listener.close()

    def _accept(self) -> None:
        while not self._closed:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            if self._is_cut:
                near.close()
                continue
            far = socket.create_connection(self._there)
            self._open += [near, far]
            threading.Thread(target=self._carry, args=(near, far), daemon=True).start()

    @staticmethod
    def _carry(near: socket.socket, far: socket.socket) -> None:
        other = {near: far, far: near}
        try:
            with selectors.DefaultSelector() as selector, near, far:
                for end in other:
                    selector.register(end, selectors.EVENT_READ)
                while True:
                    for key, _ in selector.select(1.0):
                        data = key.fileobj.recv(1 << 16)  # type: ignore[union-attr]  # a socket
                        if not data:
                            return
                        other[key.fileobj].sendall(data)  # type: ignore[index]  # a socket
        except (OSError, ValueError):
            return


@pytest.fixture
def wire(ray_cluster: RayCluster) -> Iterator[Wire]:
    wire = Wire(ray_cluster.dashboard)
    yield wire
    wire.close()


@pytest.fixture
def wired(ray_settings: Settings, wire: Wire) -> Iterator[Manager]:
    """A manager whose only way to the cluster is the wire."""
    manager = Manager(replace(ray_settings, ray_address=wire.address, cluster_patience_s=60))
    manager.recover()
    yield manager
    manager.close()


@pytest.fixture
def backend() -> str:
    return "ray"


@pytest.fixture
def manager(ray_manager: Manager) -> Manager:
    return ray_manager


def start(manager: Manager, make_repo: MakeRepo, script: str, **more: object) -> str:
    return submit(manager, "ray", plain(make_repo, script), **more)


def test_a_network_that_breaks_and_comes_back_loses_nothing_and_doubles_nothing(
    wired: Manager, wire: Wire, make_repo: MakeRepo
) -> None:
    run_id = start(wired, make_repo, TICKING.format(ticks=200))
    with following(wired, run_id):
        wait_for_output(wired, run_id, "tick 20")
        wire.cut()
        threading.Event().wait(5)
        assert wired.get(run_id).status is RunStatus.RUNNING
        wire.mend()
        run = wait_until_ended(wired, run_id)
    assert run.status is RunStatus.SUCCEEDED, log_of(wired, run_id)
    output = wired.paths.run(run_id).output.read_text()
    assert output.split("\n") == [*(f"tick {i}" for i in range(200)), ""]


def test_a_cluster_that_stays_silent_ends_the_run_once_with_a_true_word(
    wired: Manager, wire: Wire, make_repo: MakeRepo, ray_cluster: RayCluster
) -> None:
    run_id = start(wired, make_repo, TICKING.format(ticks=100))
    wired.settings = replace(wired.settings, cluster_patience_s=3)
    with following(wired, run_id):
        wait_for_output(wired, run_id, "tick 3")
        wire.cut()
        run = wait_until_ended(wired, run_id)
    assert run.failure and run.failure.error_code == "cluster_lost"
    assert "has not answered" in run.failure.message
    wait_until_over(ray_cluster, job_name(run_id, 1))
    assert wired.get(run_id).failure == run.failure


def wait_until_over(cluster: RayCluster, job: str) -> dict:
    def info() -> dict | None:
        found = httpx.get(f"{cluster.dashboard}/api/jobs/{job}", trust_env=False).json()
        return found if found["status"] in ("SUCCEEDED", "FAILED", "STOPPED") else None

    return wait_for(info, timeout_s=60, what=f"the end of {job}") or {}


@pytest.mark.timeout(420)
def test_a_killed_node_is_said_and_the_run_resumes_on_another(
    ray_manager: Manager, ray_cluster: RayCluster, make_repo: MakeRepo
) -> None:
    place = {"resources": {"labels": {"place": "worker1"}}}
    run_id = start(ray_manager, make_repo, TICKING.format(ticks=60), **place)
    with following(ray_manager, run_id):
        wait_for_output(ray_manager, run_id, "tick 5")
        ray_cluster.order(kill=ray_cluster.workers[0])
        run = wait_until_ended(ray_manager, run_id)
    assert run.failure and run.failure.error_code == "node_lost", run.failure
    wait_for(lambda: not script_processes(ray_cluster), timeout_s=60, what="the end of its script")
    ray_cluster.order(add=1)
    ray_manager.resume(run_id)
    again = run_to_end(ray_manager, run_id)
    assert (again.status, again.attempt) == (RunStatus.SUCCEEDED, 2), log_of(ray_manager, run_id)


def script_processes(cluster: RayCluster) -> list[str]:
    commands = [command_of(p) for p in cluster.processes()]
    return [c for c in commands if "train.py" in c or "repo_runner" in c]


def test_a_secret_is_nowhere_on_the_cluster_nor_on_the_way(
    ray_manager: Manager, ray_cluster: RayCluster, make_repo: MakeRepo
) -> None:
    first, rest = SECRET[:3], SECRET[3:]
    script = f"import os\nassert os.environ['API_TOKEN'] == {first!r} + {rest!r}\n"
    run_id = start(ray_manager, make_repo, script, env={"API_TOKEN": SECRET})
    run = run_to_end(ray_manager, run_id)
    assert run.status is RunStatus.SUCCEEDED, log_of(ray_manager, run_id)
    jobs = httpx.get(f"{ray_cluster.dashboard}/api/jobs/", trust_env=False).text
    assert job_name(run_id, 1) in jobs and SECRET not in jobs
    log = httpx.get(f"{ray_cluster.dashboard}/api/jobs/{job_name(run_id, 1)}/logs", trust_env=False)
    assert "hello" in log.text
    folders = (ray_cluster.session, ray_cluster.shelf, ray_cluster.home)
    assert [f for folder in folders for f in files_with(folder, SECRET)] == []


def files_with(folder: Path, text: str) -> Iterator[Path]:
    for file in folder.rglob("*"):
        if file.is_file() and "cache" not in file.parts and text.encode() in file.read_bytes():
            yield file


def test_what_no_node_can_hold_waits_and_can_be_stopped_before_it_began(
    ray_manager: Manager, make_repo: MakeRepo
) -> None:
    run_id = start(ray_manager, make_repo, "print()\n", resources={"custom": {"worker1": 2}})
    with following(ray_manager, run_id):
        wait_for(ray_manager.paths.run(run_id).lock.exists, what="the job")
        ray_manager.stop(run_id)
        run = wait_until_ended(ray_manager, run_id)
    assert (run.status, run.phases) == (RunStatus.STOPPED, ())


def test_a_job_stopped_on_the_cluster_is_no_success_and_no_stop_of_a_person_here(
    ray_manager: Manager, ray_cluster: RayCluster, make_repo: MakeRepo
) -> None:
    run_id = start(ray_manager, make_repo, TICKING.format(ticks=10_000))
    with following(ray_manager, run_id):
        wait_for_output(ray_manager, run_id, "tick 3")
        stop = f"{ray_cluster.dashboard}/api/jobs/{job_name(run_id, 1)}/stop"
        assert httpx.post(stop, trust_env=False).json() == {"stopped": True}
        run = wait_until_ended(ray_manager, run_id)
    assert run.failure and run.failure.error_code == "stopped_elsewhere", run.failure


def test_the_cluster_shows_its_nodes_and_what_is_taken(
    ray_manager: Manager, ray_cluster: RayCluster
) -> None:
    cluster = ray_manager.cluster()
    alive = [node for node in cluster.nodes if node.is_alive]
    assert (len(alive), cluster.problem) == (3, "")
    assert {n.node_id for n in alive if not n.is_head} == set(ray_cluster.workers)
    assert {r.name for r in alive[0].resources} >= {"CPU", "memory"}
    assert {n.labels.get("place") for n in alive} == {None, "worker1", "worker2"}


@pytest.mark.parametrize(
    ("change", "field", "says"),
    [
        ({"backends": ("local",)}, "backend", "not offered"),
        ({"ray_address": ""}, "backend", "No Ray cluster"),
        ({"shelf_url": ""}, "backend", "a place that"),
        ({"shelf_url": "s3://me:pass@bucket"}, "REPO_RUNNER_SHELF_URL", "password"),
    ],
)
def test_what_is_not_set_up_is_said_before_anything_starts(
    run_settings: Settings, make_repo: MakeRepo, change: dict, field: str, says: str
) -> None:
    ready = {
        "backends": ("local", "ray"),
        "ray_address": "http://127.0.0.1:9",
        "shelf_url": "/shelf",
    }
    manager = Manager(replace(run_settings, **{**ready, **change}))
    manager.recover()
    with pytest.raises(RunnerError, match=says) as caught:
        start(manager, make_repo, "print()\n")
    assert caught.value.field == field
    manager.close()


def test_several_nodes_are_there_only_on_a_cluster(
    run_settings: Settings, make_repo: MakeRepo
) -> None:
    manager = Manager(run_settings)
    manager.recover()
    with pytest.raises(RunnerError, match="only on a cluster"):
        submit(manager, "local", plain(make_repo, "print()\n"), resources={"nodes": 2})
    manager.close()


def test_a_cluster_that_does_not_answer_is_a_sentence_on_the_page(run_settings: Settings) -> None:
    manager = Manager(replace(run_settings, backends=("ray",), ray_address="http://127.0.0.1:9"))
    assert "does not answer" in manager.cluster().problem
    manager.close()


def test_the_words_of_a_submission_hold_nothing_of_the_run_but_its_name(
    ray_manager: Manager, ray_cluster: RayCluster, make_repo: MakeRepo
) -> None:
    run_id = start(ray_manager, make_repo, "print()\n", env={"PLAIN": "plain-value"})
    run_to_end(ray_manager, run_id)
    job = job_name(run_id, 1)
    info = httpx.get(f"{ray_cluster.dashboard}/api/jobs/{job}", trust_env=False).json()
    assert "plain-value" not in json.dumps(info)
    assert info["metadata"]["run_id"] == run_id


@pytest.mark.timeout(900)
def test_one_training_over_two_nodes_reports_once_is_saved_before_a_stop_and_goes_on(
    ray_manager: Manager, make_repo: MakeRepo
) -> None:
    url, _ = make_repo({"train.py": DDP, "requirements.txt": LIGHTNING_REQUIREMENTS})
    two = {"link": url, "script_path": "train.py", "backend": "ray", "resources": {"nodes": 2}}
    given = Submission.model_validate({**two, "script_args": "--max_epochs 10 --rows 2048"})
    run_id = ray_manager.submit(given).run_id
    with following(ray_manager, run_id):
        wait_for(
            lambda: ray_manager.metrics(run_id, ["val_loss"]),
            timeout_s=600,
            what="the first validation",
            log=lambda: log_of(ray_manager, run_id),
        )
        ray_manager.stop(run_id)
        stopped = wait_until_ended(ray_manager, run_id)
    assert (stopped.status, stopped.failure) == (RunStatus.STOPPED, None)
    assert ray_manager.paths.run(run_id).stop_checkpoint(1).exists(), log_of(ray_manager, run_id)
    ray_manager.resume(run_id)
    with following(ray_manager, run_id):
        run = wait_until_ended(ray_manager, run_id, 600)
    assert (run.status, run.attempt) == (RunStatus.SUCCEEDED, 2), log_of(ray_manager, run_id)
    (losses,) = ray_manager.metrics(run_id, ["val_loss"])
    assert 10 <= losses.total <= 11  # the stop itself validates once
    assert (run.trainer["world_size"], run.trainer["num_nodes"]) == (2, 2)
    best, file = ray_manager.checkpoint_file(run_id, "best")
    assert file.exists(), f"{list(file.parent.iterdir())} {log_of(ray_manager, run_id)}"
    assert file.stat().st_size == best.size_bytes


def test_a_node_of_several_that_fails_is_the_failure_of_the_run(
    ray_manager: Manager, make_repo: MakeRepo
) -> None:
    script = (
        "import os, time\n"
        "if os.environ['NODE_RANK'] == '1':\n"
        "    raise ValueError('rank one has had enough')\n"
        "print(os.environ['MASTER_ADDR'], os.environ['MASTER_PORT'], flush=True)\n"
        "time.sleep(600)\n"
    )
    run_id = start(ray_manager, make_repo, script, resources={"nodes": 2})
    run = run_to_end(ray_manager, run_id)
    assert run.failure and run.failure.error_code == "peer_failed", run.failure
    assert "rank one has had enough" in run.failure.message
