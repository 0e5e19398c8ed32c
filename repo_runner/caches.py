"""What all runs share on disk, and how much of it each part takes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from repo_runner.models import Record
from repo_runner.paths import HomePaths
from repo_runner.settings import Settings


class CacheSize(Record):
    """One shared cache."""

    name: str
    #: How many things of its kind it holds; None where that says nothing.
    count: int | None
    #: On disk; a file that an earlier cache of the list holds too does not count again.
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
                size_bytes=_size(folder, seen),
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


def _size(folder: Path, seen: set[tuple[int, int]]) -> int:
    total = 0
    for stat in _files([folder]):
        file = (stat.st_dev, stat.st_ino)
        if file not in seen:
            seen.add(file)
            total += stat.st_blocks * 512
    return total


def _files(folders: list[Path]) -> Iterator[os.stat_result]:
    """All files below; what vanishes meanwhile does not count."""
    while folders:
        try:
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(Path(entry.path))
                    else:
                        yield entry.stat(follow_symlinks=False)
        except (FileNotFoundError, NotADirectoryError):
            continue
