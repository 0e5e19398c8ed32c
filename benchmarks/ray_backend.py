"""A run on a Ray cluster beside the same script by `ray job submit`, the delay of its events, and many runs at once.

One run measures all of it on a cluster of its own (a head and two workers on loopback):

- `job`: the Jobs API with `runtime_env = {working_dir, pip}`: the script's folder, what `examples/digits` requires.
  New: Ray has to make the environment, as on each new node, in each new cluster and for each change of a requirement.
  Warm: the node has the package and the environment, as Ray keeps both while it has room; the start is left.
- `run`: the same repository and requirements by this app, from the press of the button: preflight, Ray job, courier,
  supervisor, fetch, environment, script. New: a requirement more. Warm: an earlier run has left mirror and environment
  on the node.
  All run on the same node, in turn, three times each; the medians count. The parts of each are printed.
- `first_step_ratio_vs_ray_job`: a warm `run` over a new `job`; beside it both warm, and both new.
- `event_p95_ms`: from the moment the supervisor writes an event on the node to the moment it is in the store.
- 200 runs of a stand-in script over the three nodes: how many succeed, and what CPU and memory the process that follows
  them and Ray's own head take, in the first quarter and in the last.

The first step is the probe's own event in each; the plain job has the probe on its path too. With `--quick` the script
is a stand-in without torch (one small package), and there are 12 runs.

    .venv/bin/python benchmarks/ray_backend.py [--quick] [--runs N] [--only first_step|many]
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import os
import statistics
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from examples.git_server import GitServer  # noqa: E402
from repo_runner import follower  # noqa: E402
from repo_runner.backends.ray_job import job_name  # noqa: E402
from repo_runner.backends.ray_jobs import RayJobs  # noqa: E402
from repo_runner.events import read_batch  # noqa: E402
from repo_runner.follower import Follower  # noqa: E402
from repo_runner.manager import Manager  # noqa: E402
from repo_runner.models import RunPhase, RunStatus, Submission  # noqa: E402
from repo_runner.paths import RunPaths  # noqa: E402
from repo_runner.settings import Settings  # noqa: E402
from repo_runner.store import Store  # noqa: E402
from repo_runner.tables import RunRow  # noqa: E402
from tests.app_fixtures import app_env  # noqa: E402
from tests.ray_fixtures import RayCluster, node_env  # noqa: E402
from tests.ray_start import Start, printed  # noqa: E402
from tests.usage_watch import UsageWatch  # noqa: E402

AT_ONCE = 6
STARTS = 3
#: The node that both are measured on, so that what Ray or we keep on a node is there.
PLACE = {"place": "worker1"}
STAND_IN = {
    "train.py": "import time, packaging\nprint('first step', time.time(), flush=True)\n",
    "requirements.txt": "packaging==24.2\n",
}
TICKS = {
    "train.py": "import time\nfor i in range(20):\n    print(i, flush=True)\n    time.sleep(0.05)\n",
    "requirements.txt": "",
}


@dataclass
class Bench:
    """Where everything is, and what was measured."""

    folder: Path
    git: GitServer
    cluster: RayCluster
    manager: Manager
    delays: list[float] = field(default_factory=list)

    def run(
        self,
        repository: str,
        script_args: str = "",
        *,
        extra: str = "",
        anywhere: bool = False,
    ) -> tuple[str, float]:
        """Submit and follow a run to its end; its id, and when its submission was answered."""
        place = {} if anywhere else {"labels": PLACE}
        given = {"link": self.git.url(repository), "script_path": "train.py", "backend": "ray"}
        words = {"script_args": script_args, "resources": place, "requirements": extra}
        run_id = self.manager.submit(Submission.model_validate(given | words)).run_id
        submitted_at = time.time()
        Follower(self.manager.settings, run_id, lambda _: None).follow(threading.Event())
        return run_id, submitted_at

    @contextmanager
    def noting_delays(self) -> Iterator[None]:
        """Note how old each event is when the store has it: right behind the transaction."""
        ingest, seen = follower.ingest, dict[str, int]()

        def noting(store: Store, paths: RunPaths, run_id: str) -> RunRow:
            row, now = ingest(store, paths, run_id), time.time()
            batch = read_batch(paths.events, seen.get(run_id, 0))
            seen[run_id] = batch.next_offset
            self.delays += [now - event["t"] for event in batch.events]
            return row

        follower.ingest = noting
        try:
            yield
        finally:
            follower.ingest = ingest


def entrypoint_at(bench: Bench, job: str) -> float:
    """When Ray's own worker was up and started what it was given: a line of its log."""
    line = (bench.cluster.session / "logs" / "jobs" / f"supervisor-{job}.log").read_text()
    return int(line.split("timestamp_ns=")[1].split()[0]) / 1e9


def start_of_run(bench: Bench, repository: str, arguments: str, new: int = 0) -> Start:
    """One run, by what its stream says; a number of which there was none yet is one requirement more."""
    start = Start(time.time())
    extra = f"packaging>=2{new}" if new else ""
    run_id, submitted_at = bench.run(repository, script_args=arguments, extra=extra)
    run = bench.manager.get(run_id)
    assert run.status is RunStatus.SUCCEEDED, (run.failure, bench.manager.logs(run_id).text)
    start.note("preflight", submitted_at)
    start.note("ray", entrypoint_at(bench, job_name(run_id, 1)))
    events = read_batch(bench.manager.paths.run(run_id).events, 0).events
    start.note("courier, supervisor", next(e["t"] for e in events if e["kind"] == "attempt"))
    for phase in run.phases[1:]:
        start.note(
            "fetch" if phase.phase is RunPhase.BUILDING else "environment",
            phase.started_at.timestamp(),
        )
    points = [p.timestamp for s in bench.manager.metrics(run_id) for p in s.points]
    text = bench.manager.logs(run_id).text
    start.note("first step", min(points) if points else printed(text))
    return start


def start_of_job(bench: Bench, files: dict[str, bytes], arguments: str, new: int = 0) -> Start:
    """The same by Ray alone; a number of which there was none yet puts the requirements in new words."""
    jobs, probe = RayJobs(bench.cluster.dashboard), Path(tempfile.mkdtemp(dir=bench.folder))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    start = Start(time.time())
    digest = hashlib.sha256(buffer.getvalue()).hexdigest()[:16]
    lines = files["requirements.txt"].decode().split("\n")
    condition = f"; python_version >= '3.{new}'" if new else ""
    runtime_env = {
        "working_dir": jobs.upload(f"_ray_pkg_{digest}.zip", buffer.getvalue()),
        "pip": [line + condition for line in lines if line and not line.startswith("#")],
        "env_vars": {"PYTHONPATH": str(ROOT / "probe"), "REPO_RUNNER_PROBE_DIR": str(probe)},
    }
    name = f"plain-{probe.name}"
    body = {
        "submission_id": name,
        "entrypoint": f"python train.py {arguments}",
        "entrypoint_num_cpus": 1,
    }
    jobs.submit(body | {"runtime_env": runtime_env, "entrypoint_label_selector": PLACE})
    while not (info := jobs.info(name)).has_ended:
        time.sleep(0.1)
    log = b"".join(jobs.log(name, info.node_id, follow=False)).decode()
    assert info.status == "SUCCEEDED", (info.message, log)
    start.note("ray", entrypoint_at(bench, name))
    said = [json.loads(line) for f in probe.glob("events-*") for line in f.read_text().splitlines()]
    steps = [event["t"] for event in said if event["ev"] in ("step", "metrics")]
    start.note("first step", min(steps) if steps else printed(log))
    return start


def measure_first_step(bench: Bench, quick: bool) -> dict[str, float]:
    """Each side from nothing, then new and warm in turn, so that other load of the machine meets all alike."""
    repository = "bench/first"
    if quick:
        bench.git.commit(repository, STAND_IN)
        files, arguments = {name: text.encode() for name, text in STAND_IN.items()}, ""
    else:
        folder = ROOT / "examples" / "digits"
        bench.git.add(repository, folder)
        files = {f.name: f.read_bytes() for f in folder.iterdir() if f.is_file()}
        arguments = "--max_epochs 1"
    sides = {
        "job": lambda new: start_of_job(bench, files, arguments, new),
        "run": lambda new: start_of_run(bench, repository, arguments, new),
    }
    seconds: dict[str, list[float]] = {}
    for turn in range(STARTS + 1):
        for state in ("new", "warm") if turn else ("from nothing",):
            for side, measure in sides.items():
                start = measure(turn if state == "new" else 0)
                print(f"  {side} {state} {start.total:7.2f} s: {start}", flush=True)
                seconds.setdefault(f"{side} {state}", []).append(start.total)
    median = {name: statistics.median(values) for name, values in seconds.items()}
    print("  medians: " + ", ".join(f"{name} {value:.2f} s" for name, value in median.items()))
    ratios = {
        "first_step_ratio_vs_ray_job": ("run warm", "job new"),
        "first_step_ratio_both_warm": ("run warm", "job warm"),
        "first_step_ratio_both_new": ("run new", "job new"),
    }
    return {name: round(median[ours] / median[plain], 3) for name, (ours, plain) in ratios.items()}


def measure_many(bench: Bench, count: int) -> dict[str, float]:
    """So many runs over three nodes, a few at a time."""
    bench.git.commit("bench/ticks", TICKS)
    bench.run("bench/ticks", anywhere=True)
    watch = UsageWatch({"app": [psutil.Process()], "ray's head": bench.cluster.head()})
    began = time.monotonic()

    def one(_: int) -> RunStatus:
        run_id, _at = bench.run("bench/ticks", anywhere=True)
        watch.look()
        run = bench.manager.get(run_id)
        if run.status is not RunStatus.SUCCEEDED:
            print(f"  {run_id}: {run.failure}", flush=True)
        return run.status

    ended: list[RunStatus] = []
    with bench.noting_delays(), ThreadPoolExecutor(AT_ONCE) as pool:
        for status in pool.map(one, range(count)):
            ended.append(status)
            if len(ended) % 20 == 0:
                good, seconds = ended.count(RunStatus.SUCCEEDED), time.monotonic() - began
                print(f"  {good} of {len(ended)} succeeded after {seconds:.0f} s", flush=True)
                watch.tell()
    wall, succeeded = time.monotonic() - began, ended.count(RunStatus.SUCCEEDED)
    delays = sorted(bench.delays)
    p50, p95 = statistics.median(delays) * 1000, delays[int(len(delays) * 0.95)] * 1000
    print(f"  {succeeded} of {count} runs succeeded in {wall:.0f} s, {AT_ONCE} at a time")
    print(f"  events: p50 {p50:.0f} ms, p95 {p95:.0f} ms of {len(delays)}")
    watch.tell()
    all_of_them = {"runs_ok_of_200": float(succeeded)} if count == 200 else {}
    return {"event_p95_ms": round(p95), **all_of_them}


def main() -> None:
    """Measure, print a table, and one line of JSON."""
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--quick", action="store_true")
    options.add_argument("--runs", type=int)
    options.add_argument("--only", choices=("first_step", "many"))
    asked = options.parse_args()
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as temp, GitServer(Path(temp) / "git") as git:
        folder = Path(temp)
        for name in ("caches", "home", "cluster"):
            (folder / name).mkdir()
        cluster = RayCluster(folder / "cluster", node_env(git, folder / "caches"))
        try:
            env = app_env(git, folder / "caches") | {"REPO_RUNNER_HOME": str(folder / "home")}
            settings = replace(
                Settings.from_env(env),
                backends=("ray",),
                ray_address=cluster.dashboard,
                shelf_url=f"file://{cluster.shelf}",
                max_running=AT_ONCE,
            )
            manager = Manager(settings)
            manager.recover()
            bench = Bench(folder, git, cluster, manager)
            if asked.only != "many":
                figures |= measure_first_step(bench, asked.quick)
            if asked.only != "first_step":
                figures |= measure_many(bench, asked.runs or (12 if asked.quick else 200))
            manager.close()
        finally:
            cluster.close()
    print(json.dumps({"benchmark": "ray_backend", "figures": figures}))


if __name__ == "__main__":
    os.environ.setdefault("TEST_SESSION_FOLDER", "benchmark")
    main()
