"""The supervisor's lease on its run: a lock the kernel frees when the supervisor dies, holding its identity."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from repo_runner.process import ProcessIdentity


class Lease:
    """Held by the one live supervisor of a run for its whole life."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @classmethod
    def take(cls, path: Path) -> Lease | None:
        """The lease, or None when another supervisor holds it."""
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if not _lock(descriptor):
            os.close(descriptor)
            return None
        identity = ProcessIdentity.of(os.getpid())
        assert identity is not None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, identity.to_json().encode(), 0)
        return cls(descriptor)

    def release(self) -> None:
        """Give the lease back."""
        os.close(self._descriptor)


def holder(path: Path) -> ProcessIdentity | None:
    """Who holds the lease now; None when it is free or was never taken."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        if _lock(descriptor):
            return None
        return ProcessIdentity.from_json(os.pread(descriptor, 1000, 0).decode())
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
