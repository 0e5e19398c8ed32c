"""Runs the script in its environment, with the probe first on its path, and reports what it does."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from repo_runner import process
from repo_runner.environment import Environment
from repo_runner.events import EventWriter
from repo_runner.models import RunSpec
from repo_runner.observer import Observer
from repo_runner.output import OutputWriter
from repo_runner.probe_tail import ProbeTail
from repo_runner.resume import ResumePoint
from repo_runner.settings import Settings
from repo_runner.usage import UsageMeter

PROBE = Path(__file__).resolve().parent.parent / "probe"

_TICK_S = 0.1
_TERM_GRACE_S = 5.0
_DRAIN_S = 1.0


@dataclass(frozen=True)
class ScriptExit:
    """How the script ended, and whether we had begun to stop it."""

    exit_code: int | None
    signal: int | None
    stopped: bool


@dataclass(frozen=True)
class ScriptPlan:
    """All that is needed to start the script."""

    spec: RunSpec
    #: The run's own variables, secrets included.
    env: dict[str, str]
    checkout: Path
    environment: Environment
    probe_folder: Path
    #: What the probe gives to the script's fit; None: start from nothing.
    resume_from: ResumePoint | None = None
    with_probe: bool = True

    def argv(self) -> list[str]:
        """`python script.py args…`, exactly as a person would type it at the top of the repository."""
        return [str(self.environment.python), *self.spec.script_words, *self.spec.script_args]

    def script_env(self, settings: Settings) -> dict[str, str]:
        """The operator's allow-listed variables, the run's own, and the probe's."""
        binaries = str(self.environment.python.parent)
        variables = {
            **settings.script_env,
            "VIRTUAL_ENV": str(self.environment.path),
            "PATH": os.pathsep.join([binaries, settings.script_env.get("PATH", os.defpath)]),
            "PYTHONUNBUFFERED": "1",
            **self.env,
        }
        return {**variables, **(self._probe_env() if self.with_probe else {})}

    def _probe_env(self) -> dict[str, str]:
        """See docs/probe-events.md."""
        variables = {
            "PYTHONPATH": str(PROBE),
            "REPO_RUNNER_PROBE_DIR": str(self.probe_folder),
            "REPO_RUNNER_PROBE_STOP": str(self.probe_folder / "stop"),
        }
        if self.resume_from:
            variables["REPO_RUNNER_PROBE_CKPT"] = str(self.resume_from.path)
            variables["REPO_RUNNER_PROBE_CKPT_FIT"] = str(self.resume_from.fit)
        return variables


class Training:
    """One script, from its start until nothing of its process tree is left."""

    def __init__(
        self, settings: Settings, plan: ScriptPlan, writer: EventWriter, observer: Observer
    ) -> None:
        self._settings = settings
        self._plan = plan
        self._observer = observer
        self._tail = ProbeTail(plan.probe_folder)
        self._usage = UsageMeter(writer)

    def run(self, output: OutputWriter, run_id: str, stop: threading.Event) -> ScriptExit:
        """Start the script and follow it to its end; on `stop` climb the ladder: save, SIGTERM, SIGKILL."""
        self._plan.probe_folder.mkdir(parents=True, exist_ok=True)
        child = process.start(
            self._plan.argv(), env=self._plan.script_env(self._settings), cwd=self._plan.checkout
        )
        with _pumping(child, output) as pump:
            stopped = self._follow(child, stop)
            pump.join(_DRAIN_S)
            process.kill_tree(run_id)
        self._observe()
        code = child.returncode
        return ScriptExit(code if code >= 0 else None, -code if code < 0 else None, stopped)

    def _follow(self, child: process.Child, stop: threading.Event) -> bool:
        ladder: Iterator[None] | None = None
        while not process.ended_within(child, _TICK_S):
            self._observe()
            self._usage.tick()
            if stop.is_set() and ladder is None:
                ladder = self._ladder(child)
            if ladder is not None:
                next(ladder, None)
        return ladder is not None

    def _ladder(self, child: process.Child) -> Iterator[None]:
        """Each step is one tick; only the main process gets SIGTERM, because a whole DDP group would deadlock on it."""
        if self._observer.has_trainer:
            (self._plan.probe_folder / "stop").touch()
            yield from _ticks(self._settings.stop_grace_s)
        child.send_signal(signal.SIGTERM)
        yield from _ticks(
            _TERM_GRACE_S if self._observer.has_trainer else self._settings.stop_grace_s
        )
        child.kill()

    def _observe(self) -> None:
        for event in self._tail.read():
            self._observer.see(event)


def _ticks(seconds: float) -> Iterator[None]:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        yield


@contextmanager
def _pumping(child: process.Child, output: OutputWriter) -> Iterator[threading.Thread]:
    """Drains the script's pipe into the bounded log, whatever happens, so that the script never blocks on it."""
    assert child.stdout is not None
    pipe = child.stdout.fileno()

    def drain() -> None:
        while chunk := os.read(pipe, 1 << 16):
            output.write(chunk)

    thread = threading.Thread(target=drain, name="output-pump")
    thread.start()
    try:
        yield thread
    finally:
        thread.join()
        child.stdout.close()
