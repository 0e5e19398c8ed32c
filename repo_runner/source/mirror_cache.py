"""Keeps the mirrors and the Git LFS objects below a size and an age; what is in use stays.

A work tree borrows the objects of its mirror, so a mirror is in use as long as a run that may go on has a work tree of
it; and anything that was used within the last hour counts as in use, because readers hold no lock.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from repo_runner.disk import disk_bytes, remove_tree

_LEAST_IDLE_S = 3600.0
_LFS = "lfs"


@dataclass(frozen=True)
class Kept:
    """A mirror, or one Git LFS object."""

    path: Path
    used_at: float
    size_bytes: int


def note_use(path: Path) -> None:
    """From now on it counts as used."""
    with contextlib.suppress(OSError):
        os.utime(path)


def borrowed_by(checkout: Path) -> Iterator[Path]:
    """The mirrors a work tree and its submodules borrow from."""
    for file in checkout.rglob("objects/info/alternates"):
        with contextlib.suppress(OSError):
            objects = file.parent.parent / file.read_text().strip()
            yield objects.resolve().parent


class MirrorCache:
    """The folder of all mirrors."""

    def __init__(self, root: Path, least_idle_s: float = _LEAST_IDLE_S) -> None:
        self._root = root
        self._least_idle_s = least_idle_s

    def kept(self) -> list[Kept]:
        """Everything, the longest unused first."""
        return sorted(self._kept(), key=lambda each: each.used_at)

    def evict(
        self, *, max_bytes: int, max_age_s: float, borrowed: Callable[[], Collection[Path]]
    ) -> list[Kept]:
        """Remove what is too old, then the longest unused while all take too much; what is gone."""
        now, kept, gone = time.time(), self.kept(), list[Kept]()
        lent: Collection[Path] | None = None
        total = sum(each.size_bytes for each in kept)
        for each in kept:
            idle_s = now - each.used_at
            if idle_s < self._least_idle_s or (idle_s <= max_age_s and total <= max_bytes):
                break
            lent = borrowed() if lent is None else lent
            if each.path.resolve() not in lent and _remove(each.path):
                total -= each.size_bytes
                gone.append(each)
        return gone

    def _kept(self) -> Iterator[Kept]:
        mirrors = (head.parent for head in self._root.glob("*/*/*/HEAD"))
        objects = (path for path in self._root.glob(f"{_LFS}/*/*") if path.is_file())
        for path in (*mirrors, *objects):
            with contextlib.suppress(FileNotFoundError):
                yield Kept(path, path.stat().st_mtime, disk_bytes(path))


def _remove(path: Path) -> bool:
    """Unless somebody fetches into it."""
    if path.is_file():
        path.unlink(missing_ok=True)
        return True
    with contextlib.suppress(OSError), (path / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return remove_tree(path)
    return False
