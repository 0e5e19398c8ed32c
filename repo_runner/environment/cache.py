"""The cache of environments: one folder and one builder per key, leases keep what is in use.

A virtual environment cannot be moved: its scripts and its editable packages hold absolute paths. So
each build works in a folder of its own at its final place, `<key>/<build>/`, and becomes *the*
environment of the key by `<key>/complete.json`, which is written last and renamed into place. A
killed build leaves a folder that no `complete.json` names; even if its installer still writes
there, nobody reads it, and the next builder removes it.

Locks are `flock`s, which the kernel lets go when their holder dies: `<key>/lock` is held by the
builder, and the folder of a build itself is held, shared, by everyone who uses it.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from repo_runner.process import ProcessCancelled

_POLL_S = 0.05

#: The environment's interpreter, from the folder of its build.
PYTHON = Path("venv", "bin", "python")


@dataclass(frozen=True)
class CacheEntry:
    """What `complete.json` says of a finished environment."""

    build: str
    python_version: str
    freeze: tuple[str, ...]
    notes: tuple[str, ...] = ()
    seconds: float = 0.0


class Lease:
    """Keeps one environment from being evicted until it is let go, or until this process ends."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
        fcntl.flock(self._descriptor, fcntl.LOCK_SH)

    def release(self) -> None:
        """Let the environment go."""
        os.close(self._descriptor)


@dataclass(frozen=True)
class Leased:
    """A complete environment that stays while its lease is held."""

    entry: CacheEntry
    lease: Lease


@dataclass(frozen=True)
class Stored:
    """A complete environment as eviction sees it."""

    key: str
    entry: CacheEntry
    #: Unix time of its last lease.
    used_at: float


#: Fills the folder of a build and says what is in it.
Build = Callable[[Path], CacheEntry]


class EnvironmentCache:
    """The folder of all environments. An environment is complete or it is not there."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def lease(self, key: str) -> Leased | None:
        """The complete environment of a key; None when there is none."""
        entry = self._entry(key)
        if entry is None or not (self._root / key / entry.build / PYTHON).exists():
            return None
        try:
            lease = Lease(self._root / key / entry.build)
        except FileNotFoundError:  # evicted since
            return None
        if self._entry(key) == entry:
            now = time.time_ns()  # the file system's own clock ticks only every few milliseconds
            os.utime(self._complete(key), ns=(now, now))
            return Leased(entry, lease)
        lease.release()
        return None

    def lease_or_build(
        self, key: str, build: Build, cancel: threading.Event, on_wait: Callable[[], None]
    ) -> tuple[Leased, bool]:
        """The environment of a key, and whether it was there; the first builds, the others wait."""
        if found := self.lease(key):
            return found, True
        with _exclusive(self._root / key / "lock", cancel, on_wait):
            if found := self.lease(key):
                return found, True
            self._complete(key).unlink(missing_ok=True)
            self._sweep(key)
            return self._build(key, build), False

    def stored(self) -> list[Stored]:
        """All complete environments, the longest unused first."""
        return sorted(self._stored(), key=lambda each: each.used_at)

    def remove(self, stored: Stored) -> bool:
        """Remove an environment unless someone builds or uses it; does not wait for either."""
        folder = self._root / stored.key
        with _lock(folder / "lock") as is_ours:
            return is_ours and _remove_unused(
                folder / stored.entry.build, self._complete(stored.key)
            )

    def sweep(self) -> int:
        """Remove what killed builds left, also of keys that nobody asks for again; how many."""
        swept = 0
        for key in [path.parent.name for path in self._root.glob("*/lock")]:
            with _lock(self._root / key / "lock") as is_ours:
                if is_ours:
                    swept += self._sweep(key, keep=self._entry(key))
        return swept

    def _build(self, key: str, build: Build) -> Leased:
        folder = self._root / key / uuid.uuid4().hex[:12]
        folder.mkdir()
        lease = Lease(folder)
        try:
            entry = build(folder)
        except BaseException:
            lease.release()
            shutil.rmtree(
                folder, ignore_errors=True
            )  # what resists now is a leftover for the next builder
            raise
        _write_aside(self._complete(key), json.dumps(asdict(entry)))
        return Leased(entry, lease)

    def _sweep(self, key: str, keep: CacheEntry | None = None) -> int:
        """Folders of killed builds, and of an environment whose interpreter is gone."""
        folders = [path for path in (self._root / key).iterdir() if path.is_dir()]
        return sum(_remove_unused(f) for f in folders if not (keep and f.name == keep.build))

    def _stored(self) -> Iterator[Stored]:
        for path in self._root.glob("*/complete.json"):
            with contextlib.suppress(FileNotFoundError):  # evicted since
                if entry := self._entry(path.parent.name):
                    yield Stored(path.parent.name, entry, path.stat().st_mtime)

    def _entry(self, key: str) -> CacheEntry | None:
        try:
            values: dict[str, Any] = json.loads(self._complete(key).read_text())
        except FileNotFoundError:
            return None
        known = {field.name: values[field.name] for field in fields(CacheEntry)}
        return CacheEntry(**known | {n: tuple(known[n]) for n in ("freeze", "notes")})

    def _complete(self, key: str) -> Path:
        return self._root / key / "complete.json"


def _remove_unused(folder: Path, first: Path | None = None) -> bool:
    """Remove a folder nobody leases, and before it the file that names it."""
    with _lock(folder) as is_ours:
        if is_ours:
            if first:
                first.unlink(missing_ok=True)
            shutil.rmtree(
                folder, ignore_errors=True
            )  # an orphaned installer may still write; tried again next time
        return is_ours


@contextmanager
def _exclusive(path: Path, cancel: threading.Event, on_wait: Callable[[], None]) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    has_waited = False
    while True:
        with _lock(path) as is_ours:
            if is_ours:
                yield
                return
        if not has_waited:
            on_wait()
            has_waited = True
        if cancel.wait(_POLL_S):
            raise ProcessCancelled


@contextmanager
def _lock(path: Path) -> Iterator[bool]:
    """Hold the lock of a file or folder; False when someone else holds it."""
    flags = os.O_RDONLY if path.is_dir() else os.O_RDWR | os.O_CREAT
    descriptor = os.open(path, flags | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        is_ours = True
    except BlockingIOError:
        is_ours = False
    try:
        yield is_ours
    finally:
        os.close(descriptor)


def _write_aside(path: Path, text: str) -> None:
    """Write, make durable, and only then give it its name."""
    aside = path.with_suffix(".new")
    with aside.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)
