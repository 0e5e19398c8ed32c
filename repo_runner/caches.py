"""What all runs share on disk, and how much of it each part takes."""

from __future__ import annotations

from pathlib import Path

from repo_runner.disk import disk_bytes
from repo_runner.models import Record
from repo_runner.paths import HomePaths
from repo_runner.settings import Settings


class CacheSize(Record):
    """One shared cache."""

    name: str
    #: How many things of its kind it holds; None where that says nothing.
    count: int | None
    #: On disk, as `du` counts; a file that an earlier cache of the list holds too does not count again.
    size_bytes: int


class Caches(Record):
    """All of them, and the limits a clean-up keeps."""

    caches: tuple[CacheSize, ...]
    max_bytes: int
    max_age_s: float


class TidyReport(Record):
    """What a clean-up did."""

    bytes_freed: int
    #: How many environments are gone.
    removed: int


def measure(settings: Settings) -> Caches:
    """Walk the caches; takes seconds where there are many environments."""
    paths = HomePaths(settings.home)
    seen: set[tuple[int, int]] = set()
    folders = (
        ("environments", paths.environments, True),
        ("bytecode", paths.bytecode, False),
        ("packages", paths.packages, False),
        ("repositories", paths.mirrors, False),
    )
    return Caches(
        caches=tuple(
            CacheSize(
                name=name,
                count=_count(folder) if counted else None,
                size_bytes=disk_bytes(folder, seen),
            )
            for name, folder, counted in folders
        ),
        max_bytes=settings.max_cache_bytes,
        max_age_s=settings.max_cache_age_s,
    )


def _count(folder: Path) -> int:
    if not folder.is_dir():
        return 0
    return sum(each.is_dir() and not each.name.startswith(".") for each in folder.iterdir())
