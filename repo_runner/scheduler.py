"""Decides on every look which runs need a work, and says of each waiting run where it stands and what it waits for."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from repo_runner.capacity import Capacity
from repo_runner.errors import QueueFull
from repo_runner.gpus import Gpus, LooksAtGpus
from repo_runner.models import RunSpec, RunStatus
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
        self._queue.admit(starts)
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
        here = plan(
            [Waits(r.run_id, _spec(r).resources) for r in waiting if _is_here(r)],
            [
                Held(r.run_id, _spec(r).resources, tuple(r.gpus or ()))
                for r in started
                if _is_here(r)
            ],
            max_running=self._settings.max_running,
            capacity=self.capacity(),
            gpus=self._gpus.look(),
        )
        away = self._plan_away(waiting, sum(not _is_here(r) for r in started))
        return Plan(here.starts | away.starts, here.reasons | away.reasons)

    def _plan_away(self, waiting: Sequence[RunRow], running: int) -> Plan:
        """A cluster has a queue of its own; here only the following of its runs costs something."""
        most = self._settings.max_running_cluster
        runs = [row.run_id for row in waiting if not _is_here(row)]
        room = max(most - running, 0)
        reason = f"Waits for a place: {running} runs are on the cluster, at most {most} may."
        return Plan(dict.fromkeys(runs[:room]), dict.fromkeys(runs[room:], reason))


def _is_here(row: RunRow) -> bool:
    return _spec(row).backend == "local"


def _spec(row: RunRow) -> RunSpec:
    return RunSpec.model_validate(row.spec)
