"""Runs the script in its environment, with the probe first on its path, and reports what it does."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator

from repo_runner import memory_kills, process
from repo_runner.events import EventWriter
from repo_runner.limit_watch import LimitWatch
from repo_runner.models import Failure
from repo_runner.observer import Observer
from repo_runner.output import OutputWriter
from repo_runner.output_pump import OutputPump
from repo_runner.paths import RunPaths
from repo_runner.probe_tail import ProbeTail
from repo_runner.run_group import RunGroup
from repo_runner.script_exit import ScriptExit
from repo_runner.script_plan import ScriptPlan
from repo_runner.settings import Settings
from repo_runner.usage import UsageMeter

_TICK_S = 0.1
_TERM_GRACE_S = 5.0
_DRAIN_S = 1.0
_BURY_EVERY_S = 10.0
#: To save would take more of what there is already too much of.
_NO_TIME_TO_SAVE = ("limit_memory", "limit_disk")


class Training:
    """One script, from its start until nothing of its process tree is left."""

    def __init__(
        self,
        settings: Settings,
        plan: ScriptPlan,
        paths: RunPaths,
        writer: EventWriter,
        observer: Observer,
    ) -> None:
        self._settings = settings
        self._plan = plan
        self._paths = paths
        self._writer = writer
        self._observer = observer
        self._tail = ProbeTail(plan.probe_folder)
        self._usage = UsageMeter(writer)
        self._probe_events = 0
        self._buried_at = time.monotonic()
        self._stopped = False
        self._limit: Failure | None = None

    def run(self, output: OutputWriter, stop: threading.Event) -> ScriptExit:
        """Start the script and follow it to its end; on `stop`, or at a limit, climb the ladder."""
        self._plan.probe_folder.mkdir(parents=True, exist_ok=True)
        kills_before = memory_kills.count()
        group = RunGroup(
            self._paths,
            self._plan.spec.limits,
            is_wanted=self._settings.cgroup == "auto",
        )
        with group:
            with group.entered():
                child = process.start(
                    self._plan.argv(),
                    env=self._plan.script_env(self._settings),
                    cwd=self._plan.checkout,
                )
            process.kill_first_when_short_of_memory(child)
            assert child.stdout is not None
            with OutputPump(child.stdout, output) as pump:
                self._follow(child, stop, pump)
                pump.drain(_DRAIN_S)
                self._kill_rest()
                group.kill()
            own_kills = group.memory_kills()
        self._observe()
        exit_code, number = self._plan.sandbox.end_of(child.returncode)
        return ScriptExit(
            exit_code=exit_code,
            signal=number,
            stopped=self._stopped,
            limit=self._limit,
            memory_kills=memory_kills.count() - kills_before + own_kills,
            own_memory_kills=own_kills,
        )

    def _follow(self, child: process.Child, stop: threading.Event, pump: OutputPump) -> None:
        """What came first, the stop or a limit, is why the script was ended."""
        watch = LimitWatch(self._plan.spec.limits, self._paths.root, self._writer)
        ladder: Iterator[None] | None = None
        while not process.ended_within(child, _TICK_S):
            self._observe()
            self._usage.tick()
            self._bury_orphans(child)
            if ladder is None and stop.is_set():
                self._stopped = True
                ladder = self._ladder(child)
            elif ladder is None and (limit := watch.look(pump.received + self._probe_events)):
                self._limit = limit
                ladder = self._ladder(child)
            if ladder is not None:
                next(ladder, None)

    def _ladder(self, child: process.Child) -> Iterator[None]:
        """Each step is one tick; only the main process gets SIGTERM, because a whole DDP group would deadlock on it."""
        may_save = self._limit is None or self._limit.error_code not in _NO_TIME_TO_SAVE
        if self._observer.has_trainer and may_save:
            # On a full disk the script is not asked to save: it could not.
            with contextlib.suppress(OSError):
                (self._plan.probe_folder / "stop").touch()
            yield from _ticks(self._settings.stop_grace_s)
        process.ask_to_end(child, behind=self._plan.sandbox.launchers)
        saved = self._observer.has_trainer or not may_save
        yield from _ticks(
            min(_TERM_GRACE_S, self._settings.stop_grace_s)
            if saved
            else self._settings.stop_grace_s
        )
        child.kill()

    def _kill_rest(self) -> None:
        for left in process.kill_tree(self._paths.run_id):
            message = f"Process {left} of the script cannot be killed."
            self._writer.write("note", code="unkillable", message=message)

    def _bury_orphans(self, child: process.Child) -> None:
        if time.monotonic() - self._buried_at >= _BURY_EVERY_S:
            self._buried_at = time.monotonic()
            process.bury_adopted(keep=child.pid)

    def _observe(self) -> None:
        for event in self._tail.read():
            self._probe_events += 1
            self._observer.see(event)


def _ticks(seconds: float) -> Iterator[None]:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        yield
