"""The GPUs of this machine and who uses them: the only user of NVIDIA's library (NVML). No library, no GPUs.

Tried against a stand-in of the library, not on a GPU.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from repo_runner.machine import has_gpu
from repo_runner.settings import Settings

#: A display, or the driver's own needs, take a little of an otherwise free GPU.
FREE_BELOW_BYTES = 512 << 20
_FRESH_S = 4.0


@dataclass(frozen=True)
class Gpu:
    """One GPU, now."""

    #: Every process counts GPUs by it alike, whatever order it sees them in.
    uuid: str
    index: int
    name: str
    memory_bytes: int
    #: By whomever.
    used_bytes: int

    @property
    def is_free(self) -> bool:
        """Whether nobody uses it to speak of."""
        return self.used_bytes < FREE_BELOW_BYTES


@dataclass(frozen=True)
class GpuUsage:
    """Of the GPUs that some processes use: the busiest one's use, and their own memory on all."""

    percent: float
    memory_bytes: int


class LooksAtGpus(Protocol):
    """What the queue needs to know of GPUs."""

    def look(self) -> tuple[Gpu, ...]:
        """The ones runs may use, now; none where there are none or none can be seen."""


class Gpus:
    """Those the operator's CUDA_VISIBLE_DEVICES allows; looked at again after a few seconds."""

    def __init__(self, settings: Settings) -> None:
        self._allowed = settings.script_env.get("CUDA_VISIBLE_DEVICES")
        self._handles: list[Any] | None = None
        self._seen: tuple[Gpu, ...] = ()
        self._seen_at = -_FRESH_S
        self._pid = 0
        self._lock = threading.Lock()

    def look(self) -> tuple[Gpu, ...]:
        """See LooksAtGpus."""
        with self._lock:
            if self._handles is None or self._pid != os.getpid():
                # The library does not survive a fork.
                self._handles, self._pid = handles(), os.getpid()
            if self._handles and time.monotonic() - self._seen_at >= _FRESH_S:
                found = [gpu for handle in self._handles if (gpu := _look_at(handle))]
                self._seen = tuple(gpu for gpu in found if is_allowed(gpu, self._allowed))
                self._seen_at = time.monotonic()
            return self._seen


def is_allowed(gpu: Gpu, allowed: str | None) -> bool:
    """Whether `CUDA_VISIBLE_DEVICES` names it, by index or by (the beginning of) its id; None names all."""
    if allowed is None:
        return True
    words = [word.strip() for word in allowed.split(",")]
    return any(word == str(gpu.index) or (word and gpu.uuid.startswith(word)) for word in words)


def handles() -> list[Any]:
    """The library's own handles of all GPUs; none without its driver."""
    if not has_gpu():
        return []
    # Takes 0.15 s to import, which a machine without GPUs does not wait for.
    import pynvml

    try:
        pynvml.nvmlInit()
        return [pynvml.nvmlDeviceGetHandleByIndex(i) for i in range(pynvml.nvmlDeviceGetCount())]
    except pynvml.NVMLError:  # no NVIDIA driver on this machine
        return []


def usage_of(found: list[Any], pids: set[int]) -> GpuUsage | None:
    """What the processes use of these GPUs; None where none of them is on one."""
    if not found:
        return None
    import pynvml

    percents, memory = [], 0
    for handle in found:
        with contextlib.suppress(pynvml.NVMLError):
            running = pynvml.nvmlDeviceGetComputeRunningProcesses(handle)
            own = [one for one in running if one.pid in pids]
            if own:
                percents.append(float(pynvml.nvmlDeviceGetUtilizationRates(handle).gpu))
                memory += sum(one.usedGpuMemory or 0 for one in own)
    return GpuUsage(max(percents), memory) if percents else None


def _look_at(handle: Any) -> Gpu | None:
    import pynvml

    try:
        memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
        return Gpu(
            uuid=str(pynvml.nvmlDeviceGetUUID(handle)),
            index=int(pynvml.nvmlDeviceGetIndex(handle)),
            name=str(pynvml.nvmlDeviceGetName(handle)),
            memory_bytes=int(memory.total),
            used_bytes=int(memory.used),
        )
    except pynvml.NVMLError:  # it fell off the bus, or is being reset
        return None


def describe(gpus: tuple[Gpu, ...], held: Mapping[str, str]) -> str:
    """Who uses them, for a run that waits for one; `held`: run ids by GPU id."""
    busy = [
        f"GPU {gpu.index} is held by {held[gpu.uuid]}"
        if gpu.uuid in held
        else f"GPU {gpu.index} is used by processes of others ({gpu.used_bytes / 1e9:.1f} GB)"
        for gpu in gpus
        if gpu.uuid in held or not gpu.is_free
    ]
    return "; ".join(busy)
