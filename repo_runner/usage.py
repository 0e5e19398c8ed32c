"""What a run's process tree takes of the machine, sampled by its supervisor: CPU, memory, GPU.

The GPU's figures come from NVIDIA's own library where the machine has it; elsewhere they are simply not there.
"""

from __future__ import annotations

import contextlib
import time
from typing import Any

import psutil

from repo_runner import gpus
from repo_runner.events import EventWriter

#: The first minutes are watched closely; a run of days is not worth a line every two seconds.
_SHORTEST_S, _LONGEST_S = 2.0, 10.0
_EVERY_PART_OF_LIFE = 60
#: Of one core's time, while that is not longer: to find the descendants of one process all processes are looked at.
_SHARE = 1 / 1000


class UsageMeter:
    """Writes one `resources` event now and then, for all descendants of this process together."""

    def __init__(self, writer: EventWriter) -> None:
        self._writer = writer
        self._began_at = self._sampled_at = time.monotonic()
        self._due_at = self._began_at + _SHORTEST_S
        self._seconds: dict[tuple[int, float], float] = {}
        self._gpus: list[Any] | None = None

    def tick(self) -> None:
        """Sample if it is time to."""
        now = time.monotonic()
        if now < self._due_at:
            return
        began = time.thread_time()
        facts = self.sample(psutil.Process().children(recursive=True), now - self._sampled_at)
        took = time.thread_time() - began
        self._sampled_at = now
        period_s = max(_period(now - self._began_at), took / _SHARE)
        self._due_at = now + min(period_s, _LONGEST_S)
        self._writer.write("resources", **facts)

    def sample(self, tree: list[psutil.Process], elapsed_s: float) -> dict[str, float | int]:
        """What these processes took in the time since the last sample; one that ended in it is not counted."""
        before, self._seconds = self._seconds, {}
        spent, resident = 0.0, 0
        for process in tree:
            with contextlib.suppress(psutil.Error):
                times = process.cpu_times()
                key = (process.pid, process.create_time())
                self._seconds[key] = times.user + times.system
                spent += self._seconds[key] - before.get(key, 0.0)
                resident += process.memory_info().rss
        facts: dict[str, float | int] = {
            "cpu_percent": round(spent / elapsed_s * 100, 1),
            "memory_bytes": resident,
        }
        if self._gpus is None:
            self._gpus = gpus.handles()
        gpu = gpus.usage_of(self._gpus, {process.pid for process in tree})
        if gpu:
            facts |= {"gpu_percent": gpu.percent, "gpu_memory_bytes": gpu.memory_bytes}
        return facts


def _period(age_s: float) -> float:
    return min(max(age_s / _EVERY_PART_OF_LIFE, _SHORTEST_S), _LONGEST_S)
