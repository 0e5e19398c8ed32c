"""Every live process, seen once and fast: the newest first, because what forks to escape is among them."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from repo_runner.process.identity import ProcessIdentity, boot_id
from repo_runner.process.marker import MARKER

_PROC = Path("/proc")
_IS_LINUX = (_PROC / "self/stat").exists()


@dataclass(frozen=True)
class Seen:
    """One process, as it was a moment ago."""

    identity: ProcessIdentity
    parent: int
    #: Its process group; 0 where it cannot be told.
    group: int

    @property
    def pid(self) -> int:
        """Its number, which alone identifies nobody."""
        return self.identity.pid


def live() -> Iterator[Seen]:
    """All that have not ended."""
    if not _IS_LINUX:
        yield from _portable()
        return
    boot = boot_id()
    pids = (int(entry.name) for entry in _PROC.iterdir() if entry.name.isdigit())
    for pid in sorted(pids, reverse=True):
        with contextlib.suppress(OSError, ValueError, IndexError):
            fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
            if fields[0] not in (b"Z", b"X"):
                identity = ProcessIdentity(pid, int(fields[19]), boot)
                yield Seen(identity, parent=int(fields[1]), group=int(fields[2]))


def below(parent: int) -> list[Seen]:
    """All descendants of a process."""
    children: dict[int, list[Seen]] = {}
    for one in live():
        children.setdefault(one.parent, []).append(one)
    found: list[Seen] = []
    unasked = [parent]
    while unasked:
        own = children.get(unasked.pop(), [])
        found += own
        unasked += [one.pid for one in own]
    return found


def carrying(run_id: str) -> list[Seen]:
    """All that carry the marker of this run, ourselves not among them."""
    return [one for one in live() if one.pid != os.getpid() and _has_marker(one.pid, run_id)]


def _has_marker(pid: int, run_id: str) -> bool:
    """Whether the environment it was started with says so; another person's process does not tell."""
    with contextlib.suppress(psutil.Error, OSError):
        if not _IS_LINUX:
            return psutil.Process(pid).environ().get(MARKER) == run_id
        variables = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        return f"{MARKER}={run_id}".encode() in variables
    return False


def _portable() -> Iterator[Seen]:
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            identity = ProcessIdentity.of(process.pid)
            if identity is not None and process.status() != psutil.STATUS_ZOMBIE:
                yield Seen(identity, parent=process.ppid(), group=0)
