"""The contract of backends, kept by a real cluster; and what only a cluster can do to a run."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from examples.app_process import AppProcess
from examples.git_server import GitServer
from repo_runner.backends.ray_job import job_name
from repo_runner.errors import RunnerError
from repo_runner.events import read_batch
from repo_runner.manager import Manager
from repo_runner.models import RunStatus, Submission
from repo_runner.paths import HomePaths, RunPaths
from repo_runner.settings import Settings
from tests.app_fixtures import (
    LIGHTNING_REQUIREMENTS,
    TINY_LIGHTNING,
    app_env,
    following,
    log_of,
    wait_until_ended,
)
from tests.backend_contract import *  # noqa: F403  the tests
from tests.backend_contract import plain, run_to_end, submit, wait_for_output
from tests.git_fixtures import MakeRepo
from tests.ray_fixtures import RayCluster, command_of, node_env
from tests.waiting import wait_for
from tests.wire import Wire

TICKING = (
    "import time\n"
    "for i in range({ticks}):\n"
    "    print('tick', i, flush=True)\n"
    "    time.sleep(0.05)\n"
)
DDP = TINY_LIGHTNING.replace('accelerator="cpu",', 'accelerator="cpu", devices=1, strategy="ddp",')
SECRET = "s3cr3t-nobody-may-read"


#: How long the network is gone; `make ray` takes a minute.
GONE_S = float(os.environ.get("TEST_NETWORK_GONE_S", "5"))


@pytest.fixture
def wire(ray_cluster: RayCluster) -> Iterator[Wire]:
    wire = Wire(ray_cluster.dashboard)
    yield wire
    wire.close()


@pytest.fixture
def wired(ray_settings: Settings, wire: Wire) -> Iterator[Manager]:
    """A manager whose only way to the cluster is the wire."""
    patience_s = 60 + 2 * GONE_S
    manager = Manager(
        replace(ray_settings, ray_address=wire.address, cluster_patience_s=patience_s)
    )
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


@pytest.mark.timeout(600)
def test_a_network_that_breaks_and_one_that_falls_silent_lose_nothing_and_double_nothing(
    wired: Manager, wire: Wire, make_repo: MakeRepo
) -> None:
    ticks = int((2 * GONE_S + 10) / 0.05)
    run_id = start(wired, make_repo, TICKING.format(ticks=ticks))
    with following(wired, run_id):
        for fail in (wire.cut, wire.mute):
            seen = len(wired.logs(run_id).text.splitlines())
            wait_for_output(wired, run_id, f"tick {seen + 10}")
            fail()
            threading.Event().wait(GONE_S)
            assert wired.get(run_id).status is RunStatus.RUNNING
            wire.mend()
        run = wait_until_ended(wired, run_id)
    assert run.status is RunStatus.SUCCEEDED, log_of(wired, run_id)
    output = wired.paths.run(run_id).output.read_text()
    assert output.split("\n") == [*(f"tick {i}" for i in range(ticks)), ""]
    assert_told_once(wired.paths.run(run_id))


def assert_told_once(paths: RunPaths) -> None:
    """The stream, as it was mirrored."""
    events = read_batch(paths.events, 0).events
    assert [e["seq"] for e in events] == list(range(1, len(events) + 1))


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


@pytest.mark.timeout(600)
def test_a_killed_head_is_said_once_there_is_another_and_the_run_resumes_there(
    run_settings: Settings,
    git_server: GitServer,
    shared_caches: Path,
    make_repo: MakeRepo,
    tmp_path: Path,
) -> None:
    cluster = RayCluster(tmp_path, node_env(git_server, shared_caches), workers=1)
    shelf, address = f"file://{cluster.shelf}", cluster.dashboard
    manager = Manager(
        replace(run_settings, backends=("ray",), ray_address=address, shelf_url=shelf)
    )
    manager.recover()
    place = {"resources": {"labels": {"place": "worker1"}}}
    run_id = start(manager, make_repo, TICKING.format(ticks=10_000), **place)
    try:
        with following(manager, run_id):
            wait_for_output(manager, run_id, "tick 5")
            cluster.order(behead=None)
            assert not httpx_answers(address)
            assert manager.get(run_id).status is RunStatus.RUNNING
            cluster.order(crown=None)
            run = wait_until_ended(manager, run_id)
        assert run.failure and run.failure.error_code == "cluster_restarted", run.failure
        wait_for(lambda: not script_processes(cluster), timeout_s=90, what="the end of its script")
        cluster.order(add=1)
        manager.resume(run_id)
        with following(manager, run_id):
            wait_for(lambda: manager.get(run_id).attempt == 2, what="the second attempt")
            wait_for_output(manager, run_id, "tick 5")
            manager.stop(run_id)
            again = wait_until_ended(manager, run_id)
        assert (again.status, again.attempt) == (RunStatus.STOPPED, 2), log_of(manager, run_id)
    finally:
        manager.close()
        cluster.close()


def httpx_answers(address: str) -> bool:
    try:
        httpx.get(address, trust_env=False)
    except httpx.TransportError:
        return False
    return True


@pytest.mark.timeout(420)
def test_an_app_that_is_killed_and_started_again_catches_up_with_the_cluster_exactly_once(
    ray_cluster: RayCluster,
    git_server: GitServer,
    shared_caches: Path,
    make_repo: MakeRepo,
    tmp_path: Path,
) -> None:
    env = {
        "REPO_RUNNER_BACKENDS": "local ray",
        "REPO_RUNNER_RAY_ADDRESS": ray_cluster.dashboard,
        "REPO_RUNNER_SHELF_URL": f"file://{ray_cluster.shelf}",
    }
    app = AppProcess(tmp_path / "home", env=app_env(git_server, shared_caches) | env)
    script = TICKING.format(ticks=200)
    client = app.start()
    try:
        link = plain(make_repo, script)
        given = Submission(link=link, script_path="train.py", backend="ray")
        run_id = client.submit(given).run_id
        wait_for(
            lambda: "tick 20" in client.logs(run_id).text,
            timeout_s=120,
            what="the output",
            log=app.log.read_text,
        )
        app.stop(signal.SIGKILL)
        client = app.start()
        wait_for(
            lambda: client.get(run_id).status.is_terminal,
            timeout_s=120,
            what="the end",
            log=app.log.read_text,
        )
        run = client.get(run_id)
        assert (run.status, run.attempt, len(run.phases)) == (RunStatus.SUCCEEDED, 1, 3)
        assert client.logs(run_id).text.split("\n") == [*(f"tick {i}" for i in range(200)), ""]
        assert_told_once(HomePaths(app.home).run(run_id))
    finally:
        app.stop()


@pytest.mark.timeout(420)
def test_limits_end_a_run_there_as_they_do_here(ray_manager: Manager, make_repo: MakeRepo) -> None:
    greedy = "import signal\nkept = bytearray(300 << 20)\nsignal.pause()\n"
    silent_peer = (
        "import os, time\nfor i in range(16):\n"
        "    print(i, flush=True) if os.environ['NODE_RANK'] == '0' else None\n"
        "    time.sleep(0.5)\n"
    )
    silence = {"silence_s": 3, "on_silence": "stop"}
    asked = {
        "limit_time": (TICKING.format(ticks=10_000), {"time_s": 2}, 1),
        "limit_silence": ("import signal\nsignal.pause()\n", silence, 1),
        "limit_memory": (greedy, {"memory_bytes": 200 << 20}, 1),
        # Only the first node is expected to say something.
        None: (silent_peer, silence, 2),
    }
    runs = {
        code: start(ray_manager, make_repo, script, limits=limits, resources={"nodes": nodes})
        for code, (script, limits, nodes) in asked.items()
    }
    with ExitStack() as followed:
        for run_id in runs.values():
            followed.enter_context(following(ray_manager, run_id))
        for code, run_id in runs.items():
            run = wait_until_ended(ray_manager, run_id)
            assert (run.failure and run.failure.error_code) == code, log_of(ray_manager, run_id)


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
        "import os, signal\n"
        "if os.environ['NODE_RANK'] == '1':\n"
        "    raise ValueError('rank one has had enough')\n"
        "print(os.environ['MASTER_ADDR'], os.environ['MASTER_PORT'], flush=True)\n"
        "signal.pause()\n"
    )
    run_id = start(ray_manager, make_repo, script, resources={"nodes": 2})
    run = run_to_end(ray_manager, run_id)
    assert run.failure and run.failure.error_code == "peer_failed", run.failure
    assert "rank one has had enough" in run.failure.message


def test_ten_readers_are_let_in_and_no_run_has_left_one_behind(
    ray_manager: Manager, ray_cluster: RayCluster, make_repo: MakeRepo
) -> None:
    """The last one here: all runs before it were read on the same cluster, which lets in ten."""
    run_id = start(ray_manager, make_repo, "print()\n")
    run_to_end(ray_manager, run_id)
    job = job_name(run_id, 1)
    wait_until_over(ray_cluster, job)
    node = httpx.get(f"{ray_cluster.dashboard}/api/jobs/{job}", trust_env=False).json()
    query = {"node_id": node["driver_node_id"], "filename": f"job-driver-{job}.log"}
    with (
        httpx.Client(base_url=ray_cluster.dashboard, trust_env=False) as client,
        ExitStack() as opened,
    ):
        for _ in range(10):
            stream = client.stream("GET", "/api/v0/logs/stream", params=query)
            assert opened.enter_context(stream).status_code == httpx.codes.OK
        refused = client.get("/api/v0/logs/stream", params=query)
    assert refused.status_code == httpx.codes.TOO_MANY_REQUESTS
