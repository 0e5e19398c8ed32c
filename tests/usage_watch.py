"""What processes take of CPU and memory while something else happens, for the benchmarks."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import psutil


@dataclass
class Usage:
    """What a process, or several, have taken so far."""

    at: float
    cpu_s: float
    rss_mb: float

    @classmethod
    def of(cls, processes: Iterable[psutil.Process]) -> Usage:
        alive = [p for p in processes if p.is_running()]
        cpu = sum(sum(p.cpu_times()[:2]) for p in alive)
        return cls(time.monotonic(), cpu, sum(p.memory_info().rss for p in alive) / 1e6)


class UsageWatch:
    """Groups of processes, by name, over the time of many runs."""

    def __init__(self, processes: Mapping[str, Sequence[psutil.Process]]) -> None:
        self._processes = processes
        self._seen: dict[str, list[Usage]] = {name: [] for name in processes}
        self.look()

    def look(self) -> None:
        for name, processes in self._processes.items():
            self._seen[name].append(Usage.of(processes))

    def tell(self) -> None:
        """The first quarter beside the last."""
        for name, seen in self._seen.items():
            quarter = max(len(seen) // 4, 1)
            parts = [seen[: quarter + 1], seen[-quarter - 1 :]]
            cpu = [(p[-1].cpu_s - p[0].cpu_s) / (p[-1].at - p[0].at) * 100 for p in parts]
            memory = [statistics.mean(u.rss_mb for u in p) for p in parts]
            print(
                f"  {name}: {cpu[0]:.0f} % of a core and {memory[0]:.0f} MB in the first quarter, "
                f"{cpu[1]:.0f} % and {memory[1]:.0f} MB in the last"
            )
