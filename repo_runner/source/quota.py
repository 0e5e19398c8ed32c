"""How much a repository may bring: measured while it arrives and before it is written out."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from repo_runner.errors import QuotaExceeded
from repo_runner.settings import Settings


def growth_check(folder: Path, max_bytes: int) -> Callable[[], None]:
    """A check that raises QuotaExceeded once a folder has grown by more than this since now."""
    before = _size(folder)

    def check() -> None:
        if _size(folder) - before > max_bytes:
            raise _too_large(max_bytes)

    return check


def check_files(count: int, settings: Settings) -> None:
    """Raises QuotaExceeded for too many files."""
    if count > settings.max_repo_files:
        raise QuotaExceeded(
            f"The repository has {count} files; at most {settings.max_repo_files} are accepted."
        )


def check_bytes(size_bytes: int, settings: Settings) -> None:
    """Raises QuotaExceeded for files that are too large together."""
    if size_bytes > settings.max_repo_bytes:
        raise _too_large(settings.max_repo_bytes)


def _too_large(max_bytes: int) -> QuotaExceeded:
    return QuotaExceeded(
        f"The repository is larger than the {max_bytes / 1e6:.0f} MB that are accepted."
    )


def _size(folder: Path) -> int:
    """Bytes in a flat folder; a file that vanishes meanwhile counts nothing."""
    total = 0
    for entry in os.scandir(folder):
        try:
            total += entry.stat(follow_symlinks=False).st_size
        except FileNotFoundError:
            continue
    return total
