"""What the kernel says of processes it killed for lack of memory; a counter that rose is evidence, not proof."""

from __future__ import annotations

import contextlib
from pathlib import Path

_PROC, _CGROUPS = Path("/proc"), Path("/sys/fs/cgroup")


def count(proc: Path = _PROC, cgroups: Path = _CGROUPS) -> int:
    """How many so far: on this machine since its boot, and in the control group we are in (where it is told)."""
    files = [proc / "vmstat", *_own_groups(proc, cgroups)]
    return sum(_oom_kills(file) for file in files)


def _own_groups(proc: Path, cgroups: Path) -> list[Path]:
    """Of cgroup v2 `memory.events`, of v1 `memory.oom_control`."""
    with contextlib.suppress(OSError):
        lines = [line.split(":", 2) for line in (proc / "self/cgroup").read_text().splitlines()]
        return [
            cgroups / path.lstrip("/") / "memory.events"
            if controllers == ""
            else cgroups / "memory" / path.lstrip("/") / "memory.oom_control"
            for _, controllers, path in lines
            if controllers in ("", "memory")
        ]
    return []


def _oom_kills(file: Path) -> int:
    with contextlib.suppress(OSError, ValueError):
        for line in file.read_text().splitlines():
            name, _, value = line.partition(" ")
            if name == "oom_kill":
                return int(value)
    return 0
