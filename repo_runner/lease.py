"""The supervisor's lease on its run: a lock the kernel frees when the supervisor dies, holding its identity."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

from repo_runner.process import ProcessIdentity

#: Who only looks holds the lock for an instant, and so does who has it and not yet said so.
_INSTANT_S = 2.0
_AGAIN_S = 0.005


class Lease:
    """Held by the one live supervisor of a run for its whole life."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @classmethod
    def take(cls, path: Path) -> Lease | None:
        """The lease, or None when another supervisor holds it."""
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        deadline = time.monotonic() + _INSTANT_S
        while not _lock(descriptor, fcntl.LOCK_EX):
            if _live_holder(descriptor) or time.monotonic() > deadline:
                os.close(descriptor)
                return None
            time.sleep(_AGAIN_S)
        identity = ProcessIdentity.of(os.getpid())
        assert identity is not None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, identity.to_json().encode(), 0)
        return cls(descriptor)

    def release(self) -> None:
        """Give the lease back; who looks at this moment has the lock, and must not be taken for its holder."""
        os.ftruncate(self._descriptor, 0)
        os.close(self._descriptor)


def holder(path: Path) -> ProcessIdentity | None:
    """Who holds the lease now; None when it is free or was never taken."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        deadline = time.monotonic() + _INSTANT_S
        while not _lock(descriptor, fcntl.LOCK_SH):
            found = _live_holder(descriptor)
            if found or time.monotonic() > deadline:
                return found
            time.sleep(_AGAIN_S)
        return None
    finally:
        os.close(descriptor)


def _live_holder(descriptor: int) -> ProcessIdentity | None:
    """Who has written itself down, unless that was an earlier one that is dead."""
    found = ProcessIdentity.from_json(os.pread(descriptor, 1000, 0).decode())
    return found if found and found.is_alive else None


def _lock(descriptor: int, how: int) -> bool:
    """Those who look share the lock: they never take one another for a holder."""
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
