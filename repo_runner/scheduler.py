"""Decides on every look which runs need a work, and says of each waiting run where it stands and what it waits for."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from repo_runner.capacity import Capacity
from repo_runner.errors import QueueFull
from repo_runner.gpus import Gpus, LooksAtGpus
from repo_runner.models import Resources, RunSpec, RunStatus
from repo_runner.run_queue import Held, Plan, Waits, plan
from repo_runner.settings import Settings
from repo_runner.store import Store
from repo_runner.store_queue import QueueStore
from repo_runner.tables import RunRow

#: So many waiting runs are looked at; what stands behind them waits for its turn.
LOOK_AHEAD = 100


class Scheduler:
    """One per manager."""

    def __init__(self, store: Store, settings: Settings, gpus: LooksAtGpus | None = None) -> None:
        self._queue = QueueStore(store)
        self._settings = settings
        self._gpus = gpus or Gpus(settings)

    def capacity(self) -> Capacity:
        """What this machine has for runs, in all."""
        return Capacity.of(self._settings, len(self._gpus.look()))

    def check_room(self) -> None:
        """Raises QueueFull when no more runs may wait."""
        if self._queue.count_waiting() >= self._settings.max_waiting:
            raise QueueFull(f"{self._settings.max_waiting} runs wait already.")

    def due(self, following: Collection[str]) -> Sequence[str]:
        """Ids of runs that need a work now: those that run without one, then waiting ones while there is room."""
        self._queue.stop_unstarted()
        started = self._queue.started(following)
        starts = self._plan(started, following).starts
        for run_id, gpus in starts.items():
            self._queue.assign(run_id, gpus)
        lost = [r.run_id for r in started if r.run_id not in following]
        return [*lost, *starts]

    def places(self) -> dict[str, int]:
        """Of every waiting run, 1 = next."""
        return self._queue.places()

    def place(self, row: RunRow) -> int | None:
        """Of one run, if it waits."""
        return self._queue.place(row) if row.status == RunStatus.PENDING.value else None

    def reasons(self) -> dict[str, str]:
        """What the first waiting runs wait for, one sentence each."""
        return self._plan(self._queue.started(()), ()).reasons

    def _plan(self, started: Sequence[RunRow], following: Collection[str]) -> Plan:
        waiting = self._queue.waiting(following, LOOK_AHEAD)
        if not waiting:
            return Plan()
        return plan(
            [Waits(r.run_id, _held_here(r)) for r in waiting],
            [Held(r.run_id, _held_here(r), tuple(r.gpus or ())) for r in started],
            max_running=self._settings.max_running,
            capacity=self.capacity(),
            gpus=self._gpus.look(),
        )


def _held_here(row: RunRow) -> Resources:
    """What a run takes of this machine: one whose supervisor lives elsewhere takes a place and nothing else."""
    spec = RunSpec.model_validate(row.spec)
    return spec.resources if spec.backend == "local" else Resources(gpus=0)
