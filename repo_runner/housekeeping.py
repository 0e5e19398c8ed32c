"""Keeps the shared caches of environments below a size and an age, and says how much they take.

A run tidies after its end, and only if it has built an environment: nothing else makes the caches
grow, an app that runs for months tidies as often as it needs to, and nobody waits for it. The app
may call the same at any time.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass

from repo_runner.disk import files
from repo_runner.environment.bytecode import BytecodeStore
from repo_runner.environment.cache import EnvironmentCache
from repo_runner.environment.packages import PackageCache
from repo_runner.paths import HomePaths, RunPaths
from repo_runner.settings import Settings


@dataclass(frozen=True)
class Tidied:
    """What a clean-up did."""

    bytes_freed: int
    #: Keys of the environments that are gone.
    removed: tuple[str, ...]


def cache_bytes(settings: Settings) -> int:
    """Disk that removing all environments would free: files that lie elsewhere too do not count."""
    paths = HomePaths(settings.home)
    seen: dict[tuple[int, int], int] = {}
    total = 0
    for stat in files([paths.environments, paths.bytecode, paths.packages]):
        file = (stat.st_dev, stat.st_ino)
        seen[file] = seen.get(file, 0) + 1
        if seen[file] == stat.st_nlink:
            total += stat.st_blocks * 512
    return total


def tidy(settings: Settings) -> Tidied:
    """Remove environments that are too old, then the longest unused while all take too much.

    What is in use stays, whatever it takes. May be called by several processes at once.
    """
    caches = _Caches(settings)
    before = caches.bytes
    removed = tuple(caches.evict())
    return Tidied(max(before - caches.bytes, 0), removed)


def tidy_after(run: RunPaths, settings: Settings) -> None:
    """Tidy at the end of a run that has built an environment."""
    with contextlib.suppress(FileNotFoundError):  # it came to none, or was deleted at once
        if not json.loads(run.environment.read_text())["reused"]:
            tidy(settings)


class _Caches:
    """The three caches that an environment is made of: itself, its bytecode, its packages."""

    def __init__(self, settings: Settings) -> None:
        paths = HomePaths(settings.home)
        self._settings = settings
        self._environments = EnvironmentCache(paths.environments)
        self._bytecode = BytecodeStore(paths.bytecode)
        self._packages = PackageCache(settings)
        self._is_lean = False
        #: What they take, measured after each change.
        self.bytes = cache_bytes(settings)

    def evict(self) -> Iterator[str]:
        """Keys as they go."""
        if self._environments.sweep():
            self._make_lean()
        for stored in self._environments.stored():
            age_s = time.time() - stored.used_at
            if age_s <= self._settings.max_cache_age_s and self._has_room():
                return
            if self._environments.remove(stored):
                self._make_lean()
                yield stored.key

    def _has_room(self) -> bool:
        """Perhaps without what no environment needs, if not with it."""
        if self.bytes > self._settings.max_cache_bytes and not self._is_lean:
            self._make_lean()
        return self.bytes <= self._settings.max_cache_bytes

    def _make_lean(self) -> None:
        """Remove bytecode and packages that are in no environment."""
        self._bytecode.prune()
        self._packages.forget_unused(each.entry.freeze for each in self._environments.stored())
        self._is_lean = True
        self.bytes = cache_bytes(self._settings)
