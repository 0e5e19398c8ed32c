"""Clears away ended runs, and mirrors that nobody needs, as the operator has set it; by default every run is kept.

Never a run that lives or waits, nor one from which somebody reads. The oldest go first.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from repo_runner import deletion
from repo_runner.disk import disk_bytes
from repo_runner.errors import Conflict, RunNotFound
from repo_runner.paths import HomePaths, RunPaths
from repo_runner.settings import Settings
from repo_runner.source.mirror_cache import MirrorCache, borrowed_by
from repo_runner.store import Store


@dataclass(frozen=True)
class Swept:
    """What was cleared away."""

    removed: tuple[str, ...] = ()
    bytes_freed: int = 0


@dataclass
class _Kept:
    """What is on the disk, as it becomes less."""

    number: int
    size_bytes: int


def sweep(store: Store, home: HomePaths, settings: Settings) -> Swept:
    """Remove what is over a limit; as much as is in use stays."""
    if not (settings.max_run_age_s or settings.max_runs or settings.max_runs_bytes):
        return Swept()
    ended = store.ended()
    kept = _Kept(len(ended), disk_bytes(home.runs) if settings.max_runs_bytes else 0)
    removed, freed = [], 0
    for run_id in _too_much(ended, kept, settings):
        size_bytes = disk_bytes(home.run(run_id).root)
        if _remove(store, settings, home.run(run_id)):
            removed.append(run_id)
            freed += size_bytes
            kept.number -= 1
            kept.size_bytes -= size_bytes
    return Swept(tuple(removed), freed)


def sweep_mirrors(store: Store, home: HomePaths, settings: Settings) -> int:
    """Remove mirrors and Git LFS objects over a limit, but none whose objects a run may still need; the bytes freed."""

    def borrowed() -> set[Path]:
        checkouts = [home.run(run_id).checkout for run_id in store.may_go_on()]
        return {mirror for checkout in checkouts for mirror in borrowed_by(checkout)}

    gone = MirrorCache(home.mirrors).evict(
        max_bytes=settings.max_mirror_bytes, max_age_s=settings.max_cache_age_s, borrowed=borrowed
    )
    return sum(each.size_bytes for each in gone)


def _too_much(ended: list[tuple[str, float]], kept: _Kept, settings: Settings) -> Iterator[str]:
    """The oldest, for as long as a limit is passed."""
    now = time.time()
    for run_id, ended_at in ended:
        is_old = 0 < settings.max_run_age_s < now - ended_at
        is_many = 0 < settings.max_runs < kept.number
        is_large = 0 < settings.max_runs_bytes < kept.size_bytes
        if is_old or is_many or is_large:
            yield run_id


def _remove(store: Store, settings: Settings, paths: RunPaths) -> bool:
    """False when the run is used, was resumed, or somebody else has removed it."""
    with deletion.unused(paths) as is_ours:
        if not is_ours:
            return False
        try:
            deletion.delete(store, settings, paths.run_id)
        except (Conflict, RunNotFound):
            return False
        return True
