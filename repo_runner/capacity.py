"""What this machine has for runs, as its control groups allow it; the operator may allow less."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

import psutil

from repo_runner.errors import ResourcesMissing
from repo_runner.models import Resources
from repo_runner.quantity import format_bytes
from repo_runner.settings import Settings

_PROC, _CGROUPS = Path("/proc"), Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class Capacity:
    """In all, whether in use or not."""

    cpus: int
    memory_bytes: int
    gpus: int

    @classmethod
    def of(cls, settings: Settings, gpus: int) -> Capacity:
        """This machine's, or what the settings say."""
        return cls(
            cpus=settings.max_cpus or machine_cpus(),
            memory_bytes=settings.max_memory_bytes or machine_memory(),
            gpus=gpus,
        )

    def check(self, asked: Resources) -> None:
        """Raises ResourcesMissing for a run that could never start here."""
        if (asked.cpus or 0) > self.cpus:
            raise _missing("cpus", f"{asked.cpus} CPUs", f"{self.cpus}")
        if (asked.memory_bytes or 0) > self.memory_bytes:
            wanted = f"{format_bytes(asked.memory_bytes or 0)} of memory"
            raise _missing("memory_bytes", wanted, format_bytes(self.memory_bytes))
        if (asked.gpus or 0) > self.gpus:
            raise _missing("gpus", f"{asked.gpus} GPUs", str(self.gpus))


def machine_cpus(proc: Path = _PROC, cgroups: Path = _CGROUPS) -> int:
    """Cores this process may use: of its affinity, and of every quota above it; at least one."""
    cores = float(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0)
    cores = cores or float(os.cpu_count() or 1)
    for folder in _groups(proc, cgroups, "cpu"):
        quota, _, period = _read(folder / "cpu.max").partition(" ")
        quota = quota or _read(folder / "cpu.cfs_quota_us")
        period = period or _read(folder / "cpu.cfs_period_us")
        if quota.isdigit() and period.isdigit() and int(period):
            cores = min(cores, int(quota) / int(period))
    return max(int(cores), 1)


def machine_memory(proc: Path = _PROC, cgroups: Path = _CGROUPS) -> int:
    """Bytes this process may use: the machine's, or the smallest limit above it."""
    total = int(psutil.virtual_memory().total)
    for folder in _groups(proc, cgroups, "memory"):
        limit = _read(folder / "memory.max") or _read(folder / "memory.limit_in_bytes")
        if limit.isdigit():
            total = min(total, int(limit))
    return total


def _groups(proc: Path, cgroups: Path, controller: str) -> list[Path]:
    """The control groups we are in, from the innermost to the root: of v2, and of v1 for this controller."""
    found: list[Path] = []
    for line in _read(proc / "self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        root = cgroups / controller if controllers else cgroups
        own = root / path.lstrip("/")
        found += [own, *(parent for parent in own.parents if parent.is_relative_to(root))]
    return found


def _read(file: Path) -> str:
    with contextlib.suppress(OSError):
        return file.read_text().strip()
    return ""


def _missing(field: str, wanted: str, there: str) -> ResourcesMissing:
    return ResourcesMissing(
        f"The run asks for {wanted}; this machine has {there} for runs.",
        field=f"resources.{field}",
        hint="Ask for less: it could never start.",
    )
