"""Short runs, random kills of every kind of process, and the account at the end."""

from __future__ import annotations

import contextlib
import random
import shlex
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from examples.app_process import AppProcess
from examples.git_server import GitServer
from repo_runner import lease, process
from repo_runner.models import Run, RunStatus, Submission
from repo_runner.paths import HomePaths
from tests.integration.faults.patient import Patient
from tests.soak.account import Account

#: What a run must come to, unless its supervisor was killed, by what its script is told.
SORTS = {
    "succeeds": RunStatus.SUCCEEDED,
    "fails": RunStatus.FAILED,
    "is stopped": RunStatus.STOPPED,
}
VICTIMS = ("main", "API server", "UI", "work", "supervisor")
_SCRIPT = """
import json, os, pathlib, sys, time
sort = sys.argv[1]
events = (pathlib.Path(os.environ["REPO_RUNNER_PROBE_DIR"]) / "events-stand-in.jsonl").open("a", buffering=1)
with open("executions.txt", "a") as executions:
    executions.write(pathlib.Path(os.environ["REPO_RUNNER_PROBE_DIR"]).name + "\\n")
for step in range(1, 6):
    print("step", step, flush=True)
    said = {"ev": "metrics", "t": time.time(), "rank": 0, "tr": 1, "step": step, "epoch": 0, "m": {"loss": 1 / step}}
    events.write(json.dumps(said) + "\\n")
    time.sleep(0.1)
while sort == "is stopped":
    time.sleep(0.1)
print("done", flush=True)
sys.exit(sort == "fails")
"""
_REPO = "soak/runs"
#: Runs that have not ended at the same time: some train, some wait.
_AT_ONCE = 8
_PATIENCE_S = 120.0
_PATIENCE_PER_RUN_S = 10.0


@dataclass
class Soak:
    """One soak, on a data folder and an app of its own."""

    folder: Path
    runs: int
    seed: int
    env: dict[str, str] = field(default_factory=dict)
    say: Callable[[str], None] = print
    #: Mean time between kills.
    pause_s: float = 4.0
    kills: Counter[str] = field(default_factory=Counter)
    #: By run: what it must come to.
    expected: dict[str, RunStatus] = field(default_factory=dict)
    #: Runs whose supervisor was killed.
    orphaned: set[str] = field(default_factory=set)

    def run(self) -> Account:
        """Live through it; the account says whether all is well."""
        self._dice = random.Random(self.seed)
        self.say(f"seed {self.seed}: {self.runs} runs")
        began = time.monotonic()
        with GitServer(self.folder / "git") as git:
            git.commit(_REPO, {"train.py": _SCRIPT, "requirements.txt": ""})
            (self.folder / "home").mkdir()
            app = AppProcess(self.folder / "home", env={**self.env, **_settings(git)})
            patient = Patient(app)
            try:
                self._live(patient, git.url(_REPO))
                runs = self._all_runs(patient)
                caches = patient.ask(lambda client: client.caches())
            except BaseException:
                for run_id in self.expected:
                    process.kill_marked(run_id)
                raise
            finally:
                app.stop()
        self.say(
            f"{time.monotonic() - began:.0f} s; killed {self.kills.total()} processes "
            f"({', '.join(f'{kind} {self.kills[kind]}' for kind in VICTIMS)}), "
            f"the app started {1 + patient.restarts} times"
        )
        return Account.of(HomePaths(app.home), runs, self.expected, self.orphaned, caches)

    def _live(self, patient: Patient, url: str) -> None:
        """Submit all, a few at a time, and kill now and then, until all have ended."""
        deadline = time.monotonic() + _PATIENCE_S + self.runs * _PATIENCE_PER_RUN_S
        next_kill = time.monotonic() + self._pause()
        while time.monotonic() < deadline:
            unended = patient.ask(
                lambda client: client.list(status="pending,running", limit=50).runs
            )
            if len(self.expected) < self.runs and len(unended) < _AT_ONCE:
                self._submit(patient, url)
            elif not unended:
                return
            for run in unended:
                self._stop_if_due(patient, run)
            if time.monotonic() > next_kill and len(self.expected) < self.runs:
                self._kill(patient)
                next_kill = time.monotonic() + self._pause()
            time.sleep(0.05)

    def _pause(self) -> float:
        return self._dice.expovariate(1 / self.pause_s)

    def _submit(self, patient: Patient, url: str) -> None:
        """With a key, so that it can be repeated when the app dies under it."""
        sort = self._dice.choices(list(SORTS), weights=[6, 2, 2])[0]
        submission = Submission(link=url, script_path="train.py", script_args=shlex.quote(sort))
        key = f"soak-{len(self.expected)}"
        run = patient.ask(lambda client: client.submit(submission, idempotency_key=key))
        self.expected[run.run_id] = SORTS[sort]

    def _stop_if_due(self, patient: Patient, run: Run) -> None:
        """A run that waits for its stop gets it once it speaks."""
        if self.expected[run.run_id] is RunStatus.STOPPED and run.last_metrics:
            patient.ask(lambda client: client.stop(run.run_id))

    def _kill(self, patient: Patient) -> None:
        kind = self._dice.choice(VICTIMS)
        victim = self._supervisor(patient) if kind == "supervisor" else patient.find_now(kind)
        if victim is not None:
            self.kills[kind] += 1
            with contextlib.suppress(psutil.Error):
                victim.kill()

    def _supervisor(self, patient: Patient) -> psutil.Process | None:
        for run in patient.ask(lambda client: client.list(status="running", limit=50).runs):
            holder = lease.holder(HomePaths(patient.app.home).run(run.run_id).lock)
            if holder:
                self.orphaned.add(run.run_id)
                with contextlib.suppress(psutil.Error):
                    return psutil.Process(holder.pid)
        return None

    @staticmethod
    def _all_runs(patient: Patient) -> list[Run]:
        found: list[Run] = []
        cursor: str | None = None
        while True:
            page = patient.ask(lambda client, at=cursor: client.list(limit=200, cursor=at))
            found.extend(page.runs)
            cursor = page.next_cursor
            if cursor is None:
                return found


def _settings(git: GitServer) -> dict[str, str]:
    return {
        "REPO_RUNNER_ALLOWED_HOSTS": git.host,
        "GIT_SSL_CAINFO": str(git.ca_file),
        "REPO_RUNNER_MAX_RUNNING": "4",
        "REPO_RUNNER_STOP_GRACE_S": "5",
    }
