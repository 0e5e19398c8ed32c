"""What supervision costs and how fast it is, in one run: an idle supervisor, an idle work, the idle app, the way back.

- `supervisor`, `work`: memory (PSS: shared pages count in part; own: what it shares with nobody) and CPU while
  their script sleeps;
- `idle app`: CPU of main process, API server, UI and their helpers while nothing runs;
- `start`, `reattach`: the app is killed and started again: until it answers, and from then until every run is followed;
- `tick`: CPU time of the flow asking the store what to do, with so many ended runs in its history;
- log figures: see `log_figures.py`.

    .venv/bin/python benchmarks/supervision.py [--quick]
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import os
import shutil
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from examples.app_process import AppProcess  # noqa: E402
from examples.git_server import GitServer  # noqa: E402
from repo_runner import lease, process  # noqa: E402
from repo_runner.client import Client  # noqa: E402
from repo_runner.manager import Manager  # noqa: E402
from repo_runner.models import RunSpec, RunStatus, Submission  # noqa: E402
from repo_runner.paths import HomePaths  # noqa: E402
from repo_runner.process import MARKER  # noqa: E402
from repo_runner.settings import Settings  # noqa: E402

_REPO = "bench/sleeps"
_SLEEPS = "import time\nprint('sleeps', flush=True)\ntime.sleep(100000)\n"
_POLL_S = 0.02
_AT_ONCE = 5


def pss_mb(process: psutil.Process) -> float:
    """Proportional set size: what is shared by n processes counts as its nth part."""
    rollup = Path(f"/proc/{process.pid}/smaps_rollup").read_text()
    return (
        next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:")) / 1024
    )


def cpu_percent(processes: list[psutil.Process], seconds: float) -> float:
    """Of one core, over some seconds."""

    def spent() -> float:
        return sum(sum(p.cpu_times()[:2]) for p in processes)

    before, began = spent(), time.monotonic()
    time.sleep(seconds)
    return (spent() - before) / (time.monotonic() - began) * 100


def until(look: Callable[[], object], timeout_s: float = 300, every_s: float = _POLL_S) -> None:
    """Return when it is true."""
    deadline = time.monotonic() + timeout_s
    while not look():
        if time.monotonic() > deadline:
            raise SystemExit("the benchmark waits in vain")
        time.sleep(every_s)


class Bench:
    """The started app and sleeping runs."""

    def __init__(self, folder: Path, git: GitServer) -> None:
        git.commit(_REPO, {"train.py": _SLEEPS, "requirements.txt": ""})
        self._url = git.url(_REPO)
        env = {
            "REPO_RUNNER_ALLOWED_HOSTS": git.host,
            "GIT_SSL_CAINFO": str(git.ca_file),
            "REPO_RUNNER_MAX_RUNNING": "1000",
            "REPO_RUNNER_STOP_GRACE_S": "1",
        }
        self.app = AppProcess(folder / "home", env=env)
        self.client: Client = self.app.start()
        self.run_ids: list[str] = []

    @property
    def family(self) -> list[psutil.Process]:
        """The app's own processes; not the runs'."""
        assert self.app.process is not None
        main = psutil.Process(self.app.process.pid)
        return [main, *(p for p in main.children(recursive=True) if MARKER not in p.environ())]

    def grow_to(self, count: int) -> None:
        """Submit until so many runs sleep; not all at once, which would measure the start of Python."""
        while len(self.run_ids) < count:
            for _ in range(min(_AT_ONCE, count - len(self.run_ids))):
                self._submit()
            until(self._newest_speak, every_s=0.5)

    def _newest_speak(self) -> bool:
        return all(self.client.logs(i, tail=1).text for i in self.run_ids[-_AT_ONCE:])

    def _submit(self) -> None:
        submission = Submission(link=self._url, script_path="train.py")
        self.run_ids.append(self.client.submit(submission).run_id)

    def supervisor(self) -> psutil.Process:
        """Of the first run."""
        holder = lease.holder(HomePaths(self.app.home).run(self.run_ids[0]).lock)
        assert holder
        return psutil.Process(holder.pid)

    def work(self) -> psutil.Process:
        """The newest process of the app."""
        return max(self.family, key=lambda p: p.create_time())

    def reattach(self) -> tuple[float, float]:
        """Kill the app and start it again: seconds until it answers, and from then until it follows every run."""
        self.app.stop(signal.SIGKILL)
        began = time.monotonic()
        self.client = self.app.start()
        ready = time.monotonic() - began
        # The answer grows with the runs: asked for all the time, it would be most of what is measured.
        every_s = _POLL_S + 0.002 * len(self.run_ids)
        until(lambda: set(self.run_ids) <= self._followed(), every_s=every_s)
        return ready, time.monotonic() - began - ready

    def _followed(self) -> set[str]:
        works = self.client.state()["structures"]["runs"]["works"].values()
        return {w["vars"]["run_id"] for w in works if json.loads(w["vars"]["summary"])}

    def close(self) -> None:
        """End the app, then the runs, which outlive it."""
        self.app.stop()
        for run_id in self.run_ids:
            holder = lease.holder(HomePaths(self.app.home).run(run_id).lock)
            if holder:
                holder.signal(signal.SIGKILL)
            process.kill_marked(run_id)


def ticks_ms(folder: Path, counts: tuple[int, ...], repeats: int) -> dict[int, float]:
    """Median CPU time of the flow's turn, by number of ended runs in the store."""
    from components.frontend import StreamlitUI
    from components.root_flow import RootFlow

    settings = dataclasses.replace(Settings.from_env(), home=folder)
    manager = Manager(settings)
    manager.recover()
    flow = RootFlow(settings, manager, StreamlitUI(settings))
    spec = RunSpec(
        repo_url="https://github.com/a/b", ref="main", commit_sha="0" * 40, script_path="t.py"
    )
    found: dict[int, float] = {}
    number = 0
    for count in counts:
        while number < count:
            number += 1
            manager.store.add(f"run-{number}", spec, None)
            manager.store.finish(f"run-{number}", status=RunStatus.SUCCEEDED.value, ended_at=1.0)
        samples = []
        for _ in range(repeats):
            flow._seen_revision = math.nan  # noqa: SLF001  # as after a bell
            began = time.process_time()
            flow.reconcile()
            samples.append((time.process_time() - began) * 1000)
        found[count] = statistics.median(samples)
    manager.close()
    return found


@contextmanager
def bench(folder: Path) -> Iterator[Bench]:
    """Everything started, and ended again."""
    with GitServer(folder / "git") as git:
        made = Bench(folder, git)
        try:
            yield made
        finally:
            made.close()


def log_figures(*, quick: bool) -> dict[str, float]:
    """Measured by its own script, where there is one."""
    try:
        import log_figures as script
    except ImportError:
        return {}
    return dict(script.measure(quick=quick))


def measure(folder: Path, *, quick: bool) -> dict[str, float]:
    """All figures; each is printed as it comes."""
    figures: dict[str, float] = {}

    def note(name: str, value: float, what: str) -> None:
        figures[name] = value
        print(f"  {name:22} {value:9.2f}  {what}", flush=True)

    seconds = 5.0 if quick else 10.0
    for count, ms in ticks_ms(folder / "ticks", (1, 100, 1000), 20 if quick else 100).items():
        note(f"tick_ms_{count}", ms, f"the flow's turn with {count} ended runs")
    with bench(folder) as made:
        time.sleep(3)
        note(
            "idle_cpu_percent",
            cpu_percent(made.family, seconds),
            "whole app, nothing runs, % of a core",
        )
        made.grow_to(1)
        time.sleep(3)
        for name, process in (("supervisor", made.supervisor()), ("work", made.work())):
            note(f"{name}_pss_mb", pss_mb(process), "its script sleeps")
            own = process.memory_full_info().uss / (1 << 20)
            note(f"{name}_own_mb", own, "of these, what would be free without it")
            note(f"{name}_cpu_percent", cpu_percent([process], seconds), "of one core")
        for count in (1, 20) if quick else (1, 20, 100):
            made.grow_to(count)
            ready, all_followed = made.reattach()
            note(f"start_{count}_s", ready, f"kill -9, start, it answers; {count} runs go on")
            note(f"reattach_{count}_s", all_followed, "from then on, until every run is followed")
            if count > 1:
                note(f"work_pss_mb_of_{count}", pss_mb(made.work()), "one of so many works")
    for name, value in log_figures(quick=quick).items():
        note(name, value, "")
    return figures


def main() -> None:
    """Measure; the last line is the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="shorter samples, no 100 runs")
    asked = parser.parse_args()
    os.environ["LIGHTING_TESTING"] = "1"
    folder = Path(tempfile.mkdtemp(prefix="supervision-"))
    try:
        figures = measure(folder, quick=asked.quick)
    finally:
        shutil.rmtree(folder)
    rounded = {name: round(value, 3) for name, value in figures.items()}
    print(json.dumps({"benchmark": "supervision", "figures": rounded}))


if __name__ == "__main__":
    main()
