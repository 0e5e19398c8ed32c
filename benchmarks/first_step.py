"""Time from submit to the first training step, cold and warm, beside the same steps by hand and the script alone.

One run measures all of it on `examples/digits`:

- `direct`: `python train.py` in an environment that is ready, the probe only noting when the first batch ends;
- `by_hand_cold` / `by_hand_warm`: `git clone --depth 1`, `uv venv`, `uv pip install`, `python train.py`;
  cold starts from an empty installer cache, warm from a full one;
- `app_cold` / `app_warm`: the same repository submitted to the started app, its caches empty and then full.

All of them run with bytecode files allowed; the first step is the probe's own event in each.

    .venv/bin/python benchmarks/first_step.py [--quick]
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from examples.app_process import AppProcess  # noqa: E402
from examples.git_server import GitServer  # noqa: E402
from repo_runner.client import Client  # noqa: E402
from repo_runner.models import Run, RunStatus, Submission  # noqa: E402
from repo_runner.settings import Settings  # noqa: E402

REPO = "examples/digits"
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
UV = str(Path(sys.executable).parent / "uv")


@dataclass
class Bench:
    """Where everything is, and what was measured."""

    folder: Path
    git: GitServer
    env: dict[str, str]
    seconds: dict[str, list[float]] = field(default_factory=dict)
    shares: dict[str, dict[str, float]] = field(default_factory=dict)

    def note(self, name: str, seconds: float) -> None:
        self.seconds.setdefault(name, []).append(seconds)
        print(f"  {name:14} {seconds:7.2f} s", flush=True)


def first_step_at(probe: Path, process: subprocess.Popen[bytes]) -> float:
    """Unix time of the first training step by the probe, once it is there."""
    while process.poll() is None:
        for file in probe.glob("events-*.jsonl"):
            for line in file.read_text().splitlines():
                event = json.loads(line)
                if event["ev"] == "step":
                    return float(event["t"])
        time.sleep(0.02)
    raise SystemExit(f"the script ended with {process.returncode} before its first step")


def run_script(bench: Bench, python: Path, checkout: Path) -> float:
    """Start the script with the probe on its path; unix time of its first step. The script is then ended."""
    with tempfile.TemporaryDirectory(dir=bench.folder) as probe:
        env = {**bench.env, "PYTHONPATH": str(ROOT / "probe"), "REPO_RUNNER_PROBE_DIR": probe}
        process = subprocess.Popen(
            [python, "train.py"],
            cwd=checkout,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            return first_step_at(Path(probe), process)
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def by_hand(bench: Bench, name: str, cache: Path) -> Path:
    """What a person types; returns the environment it made."""
    folder = Path(tempfile.mkdtemp(dir=bench.folder))
    env = {**bench.env, "UV_CACHE_DIR": str(cache)}
    python = folder / "venv" / "bin" / "python"
    started = time.time()
    steps = {
        "clone": [
            "git",
            "clone",
            "--quiet",
            "--depth",
            "1",
            bench.git.url(REPO),
            str(folder / "repo"),
        ],
        "venv": [UV, "venv", "--quiet", "--python", PYTHON, str(folder / "venv")],
        "install": [
            UV,
            "pip",
            "install",
            "--quiet",
            "--python",
            str(python),
            "-r",
            "repo/requirements.txt",
        ],
    }
    share: dict[str, float] = {}
    for step, command in steps.items():
        before = time.time()
        subprocess.run(command, cwd=folder, env=env, check=True)
        share[step] = time.time() - before
    before = time.time()
    first = run_script(bench, python, folder / "repo")
    share["python"] = first - before
    bench.shares[name] = share
    bench.note(name, first - started)
    return folder


def by_app(bench: Bench, name: str, client: Client) -> None:
    """Submit to the app; the first step as the probe saw it, from the run's own events."""
    submission = Submission(link=bench.git.url(REPO), script_path="train.py")
    started = time.time()
    run = client.submit(submission)
    submitted = time.time()
    first, marks = None, {"submit": submitted - started}
    for event in client.events(run.run_id):
        if event["kind"] == "phase":
            marks[event["phase"]] = event["t"]
        if event["kind"] == "metrics":
            first = event["t"]
            break
    end(client, run)
    if first is None:
        raise SystemExit(f"the run has no first step: {client.get(run.run_id).failure}")
    bench.shares[name] = {
        "submit": submitted - started,
        "start": marks["fetching"] - submitted,
        "fetch": marks["building"] - marks["fetching"],
        "build": marks["training"] - marks["building"],
        "python": first - marks["training"],
    }
    bench.note(name, first - started)


def end(client: Client, run: Run) -> None:
    """Stop a run that has shown its first step, and wait until nothing of it runs."""
    client.stop(run.run_id)
    while client.get(run.run_id).status in (RunStatus.PENDING, RunStatus.RUNNING):
        time.sleep(0.1)


def measure(bench: Bench, repeats: int) -> None:
    """Everything in one run; what is compared is measured in turn."""
    hand_cache = bench.folder / "hand-cache"
    ready = by_hand(bench, "by_hand_cold", hand_cache)
    home = bench.folder / "home"
    settings = {
        "REPO_RUNNER_ALLOWED_HOSTS": bench.git.host,
        "GIT_SSL_CAINFO": str(bench.git.ca_file),
        "UV_CACHE_DIR": str(bench.folder / "app-cache"),
        "REPO_RUNNER_STOP_GRACE_S": "1",
    }
    with AppProcess(home, env=settings) as app:
        client = Client.from_settings(app.settings)
        by_app(bench, "app_cold", client)
        turns: list[Callable[[], object]] = [
            lambda: bench.note("direct", direct(bench, ready)),
            lambda: by_app(bench, "app_warm", client),
            lambda: shutil.rmtree(by_hand(bench, "by_hand_warm", hand_cache)),
        ]
        for _ in range(repeats):
            for turn in turns:
                turn()


def direct(bench: Bench, ready: Path) -> float:
    """Seconds of `python train.py` alone to its first step."""
    before = time.time()
    return run_script(bench, ready / "venv" / "bin" / "python", ready / "repo") - before


def report(bench: Bench) -> dict[str, float]:
    """A table for people; returns the figures."""
    median = {name: statistics.median(values) for name, values in bench.seconds.items()}
    print(f"\n{'':14} {'median':>8} {'min':>8} {'max':>8}   share of each phase (last repeat)")
    for name, values in bench.seconds.items():
        share = "  ".join(f"{k} {v:.2f}" for k, v in bench.shares.get(name, {}).items())
        print(
            f"{name:14} {median[name]:6.2f} s {min(values):6.2f} s {max(values):6.2f} s   {share}"
        )
    pairs = zip(bench.seconds["app_warm"], bench.seconds["direct"], strict=True)
    differences = [app - alone for app, alone in pairs]
    figures = {f"{name}_s": round(value, 3) for name, value in median.items()}
    figures["app_warm_minus_direct_s"] = round(statistics.median(differences), 3)
    return figures


def main() -> None:
    """Measure, print the table, and as the last line the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="three repeats instead of nine")
    asked = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="first-step-"))
    env = {**Settings.from_env().installer_env, **Settings.from_env().script_env}
    try:
        with GitServer(folder / "git") as git:
            git.add(REPO, ROOT / "examples" / "digits")
            bench = Bench(folder, git, {**env, "GIT_SSL_CAINFO": str(git.ca_file)})
            measure(bench, 3 if asked.quick else 9)
        figures = report(bench)
    finally:
        shutil.rmtree(folder)
    print(json.dumps({"benchmark": "first_step", "figures": figures}))


if __name__ == "__main__":
    main()
