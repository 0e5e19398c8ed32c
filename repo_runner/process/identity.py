"""Which process is meant: pid, start time and boot together, so that a reused pid is never taken for it."""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil


@dataclass(frozen=True)
class ProcessIdentity:
    """One process of one boot of one machine."""

    pid: int
    start_time: int
    boot_id: str

    @classmethod
    def of(cls, pid: int) -> ProcessIdentity | None:
        """The identity of a live process, or None."""
        started = _start_time(pid)
        return None if started is None else cls(pid, started, boot_id())

    @property
    def is_alive(self) -> bool:
        """Whether this very process still runs (a zombie does not)."""
        return self.boot_id == boot_id() and _start_time(self.pid) == self.start_time

    def signal(self, number: int) -> bool:
        """Send a signal to this very process; False when it is gone."""
        if not self.is_alive:
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)
            return True
        return False

    def to_json(self) -> str:
        """One line of JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> ProcessIdentity | None:
        """The reverse of `to_json`; None for anything else."""
        try:
            return cls(**json.loads(text))
        except (ValueError, TypeError):
            return None


def boot_id() -> str:
    """The kernel's id of this boot; the boot time where there is none."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return str(int(psutil.boot_time()))


def _start_time(pid: int) -> int | None:
    """Field 22 of /proc/<pid>/stat (clock ticks after boot); None for a dead process or a zombie."""
    try:
        after_name = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
        return None if after_name[0] == b"Z" else int(after_name[19])
    except FileNotFoundError:
        return _portable_start_time(pid)
    except (OSError, IndexError, ValueError):
        return None


def _portable_start_time(pid: int) -> int | None:
    if Path("/proc/self/stat").exists():
        return None
    with contextlib.suppress(psutil.Error):
        return int(psutil.Process(pid).create_time() * 100)
    return None
