"""Which waiting runs start now, on which GPUs, and what the others wait for. Decides; stores nothing.

**Order.** By place of submission, where each point of priority is worth ten places. So a run is overtaken by a bounded
number of later ones: nobody waits for ever behind a stream of urgent runs.

**Passing.** A run that lacks something keeps it from those behind it: whoever needs that too waits, so a large run is
not starved by small ones. Who needs nothing of it may pass, so a run that waits for a GPU does not hold up the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from repo_runner.capacity import Capacity
from repo_runner.gpus import Gpu, describe
from repo_runner.models import Resources
from repo_runner.quantity import format_bytes

PLACES_PER_POINT = 10


@dataclass(frozen=True)
class Held:
    """What a run that has started holds."""

    run_id: str
    resources: Resources
    gpus: tuple[str, ...]


@dataclass(frozen=True)
class Waits:
    """A run in its turn."""

    run_id: str
    resources: Resources


@dataclass
class Plan:
    """What follows."""

    #: The runs to start and the GPUs each may use; None where the machine has none to count.
    starts: dict[str, tuple[str, ...] | None] = field(default_factory=dict)
    #: One sentence for each of the others.
    reasons: dict[str, str] = field(default_factory=dict)


def plan(
    waiting: Sequence[Waits],
    held: Sequence[Held],
    *,
    max_running: int,
    capacity: Capacity,
    gpus: tuple[Gpu, ...],
) -> Plan:
    """Walk along the queue once, giving each run what it needs or keeping it for the run."""
    slots = _Slots(held, max_running, capacity, gpus)
    result = Plan()
    for run in waiting:
        lacking = slots.lacking(run.resources)
        if lacking:
            result.reasons[run.run_id] = slots.keep(lacking)
        else:
            result.starts[run.run_id] = slots.give(run)
    return result


class _Slots:
    """What is free, and what is kept for a run that came before."""

    def __init__(
        self, held: Sequence[Held], max_running: int, capacity: Capacity, gpus: tuple[Gpu, ...]
    ) -> None:
        self._capacity = capacity
        self._max_running = max_running
        self._gpus = gpus
        self._running = len(held)
        self._cpus = capacity.cpus - sum(run.resources.cpus or 0 for run in held)
        self._memory = capacity.memory_bytes - sum(run.resources.memory_bytes or 0 for run in held)
        self._holders = {uuid: run.run_id for run in held for uuid in run.gpus}
        self._free_gpus = [g for g in gpus if g.is_free and g.uuid not in self._holders]
        self._kept: set[str] = set()

    def lacking(self, asked: Resources) -> dict[str, str]:
        """What a run needs that is not free, or kept for another: by its kind, the reason."""
        gpus = self._wanted_gpus(asked)
        needs = {
            "place": (1, self._max_running - self._running, self._no_place()),
            "cpus": (asked.cpus or 0, self._cpus, self._no_cpus(asked)),
            "memory": (asked.memory_bytes or 0, self._memory, self._no_memory(asked)),
            "gpus": (gpus, len(self._free_gpus), self._no_gpus(gpus)),
        }
        return {
            kind: "Waits behind a run that needs the same." if kind in self._kept else reason
            for kind, (wanted, free, reason) in needs.items()
            if wanted and (wanted > free or kind in self._kept)
        }

    def keep(self, lacking: Mapping[str, str]) -> str:
        """Keep it for the run that lacks it; the first reason is the one to tell."""
        self._kept.update(lacking)
        return next(iter(lacking.values()))

    def give(self, run: Waits) -> tuple[str, ...] | None:
        """Take what the run needs; returns its GPUs."""
        self._running += 1
        self._cpus -= run.resources.cpus or 0
        self._memory -= run.resources.memory_bytes or 0
        if not self._gpus:
            return None
        count = self._wanted_gpus(run.resources)
        taken, self._free_gpus = self._free_gpus[:count], self._free_gpus[count:]
        self._holders.update({gpu.uuid: run.run_id for gpu in taken})
        return tuple(gpu.uuid for gpu in taken)

    def _wanted_gpus(self, asked: Resources) -> int:
        return min(len(self._gpus), 1) if asked.gpus is None else asked.gpus

    def _no_place(self) -> str:
        return f"Waits for a place: {self._running} runs train, at most {self._max_running} may."

    def _no_cpus(self, asked: Resources) -> str:
        free = max(self._cpus, 0)
        return f"Waits for {asked.cpus} CPUs: {free} of {self._capacity.cpus} are free."

    def _no_memory(self, asked: Resources) -> str:
        free, total = max(self._memory, 0), self._capacity.memory_bytes
        wanted = format_bytes(asked.memory_bytes or 0)
        return (
            f"Waits for {wanted} of memory: {format_bytes(free)} of {format_bytes(total)} are free."
        )

    def _no_gpus(self, wanted: int) -> str:
        who = describe(self._gpus, self._holders)
        free = len(self._free_gpus)
        return f"Waits for {wanted} GPUs: {free} of {len(self._gpus)} are free. {who}".strip()
