"""A control group (cgroup v2) of a run's own, where this machine lets us make one; nothing here is required.

What is in it cannot leave it: neither a session of its own nor an empty environment hides a process, and one write
kills all. Where the memory controller is handed down as well, the kernel itself keeps the limit and counts its kills.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PROC = Path("/proc")
_EMPTIES_WITHIN_S = 2.0
#: Where cgroup v2 is: alone, or beside the controllers of v1.
_MOUNTS = (Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/unified"))


class Cgroup:
    """One group, by its folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def make(
        cls, name: str, proc: Path = _PROC, mounts: tuple[Path, ...] = _MOUNTS
    ) -> Cgroup | None:
        """A new group below the one we are in; None where there is no cgroup v2 or it is not delegated to us."""
        own = _own_folder(proc, mounts)
        if own is None:
            return None
        with contextlib.suppress(OSError):
            # Refused where processes are in our own group, which then stays without the controller.
            (own / "cgroup.subtree_control").write_text("+memory")
        group = cls(own / name)
        try:
            group.folder.mkdir(exist_ok=True)
            if os.access(group.folder / "cgroup.kill", os.W_OK):
                return group
            group.remove()
        except OSError:
            return None
        return None

    @classmethod
    def is_delegated(cls, proc: Path = _PROC, mounts: tuple[Path, ...] = _MOUNTS) -> bool:
        """Whether groups can be made, as far as that is known without making one."""
        own = _own_folder(proc, mounts)
        return own is not None and os.access(own, os.W_OK)

    @property
    def limits_memory(self) -> bool:
        """Whether the memory controller is handed down to it."""
        return (self.folder / "memory.max").exists()

    def limit_memory(self, count: int) -> None:
        """Let the kernel keep this limit; without swap, which would only hide it."""
        for name, value in (("memory.max", str(count)), ("memory.swap.max", "0")):
            with contextlib.suppress(OSError):
                (self.folder / name).write_text(value)

    @contextmanager
    def entered(self) -> Iterator[None]:
        """What this process starts meanwhile is in the group from its first instruction."""
        home = _own_folder(_PROC, _MOUNTS)
        with contextlib.suppress(OSError):
            (self.folder / "cgroup.procs").write_text("0")
        try:
            yield
        finally:
            if home is not None:
                with contextlib.suppress(OSError):
                    (home / "cgroup.procs").write_text("0")

    def memory_kills(self) -> int:
        """How many of its processes the kernel killed for lack of memory."""
        with contextlib.suppress(OSError, ValueError):
            for line in (self.folder / "memory.events").read_text().splitlines():
                name, _, value = line.partition(" ")
                if name == "oom_kill":
                    return int(value)
        return 0

    def kill(self) -> None:
        """Kill all that is in it, with what they start meanwhile."""
        with contextlib.suppress(OSError):
            (self.folder / "cgroup.kill").write_text("1")

    def remove(self) -> None:
        """Remove the group once it is empty; killed processes leave it a moment later."""
        deadline = time.monotonic() + _EMPTIES_WITHIN_S
        while self.folder.exists() and time.monotonic() < deadline:
            try:
                self.folder.rmdir()
            except OSError:
                time.sleep(0.01)


def _own_folder(proc: Path, mounts: tuple[Path, ...]) -> Path | None:
    try:
        lines = (proc / "self/cgroup").read_text().splitlines()
    except OSError:
        return None
    own = next(
        (line.removeprefix("0::").lstrip("/") for line in lines if line.startswith("0::")), None
    )
    if own is None:
        return None
    folders = (mount / own for mount in mounts)
    return next((f for f in folders if (f / "cgroup.subtree_control").exists()), None)
