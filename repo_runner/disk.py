"""Folders on the disk: how much they take, as `du` counts, and how they are removed whatever was done to them."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

_BLOCK_BYTES = 512
_PASSING = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EMFILE, errno.ENFILE, errno.EFBIG}
)


def is_passing(error: OSError) -> bool:
    """Whether the same may succeed later: once somebody makes room, or the disk can be written again."""
    return error.errno in _PASSING


def disk_bytes(path: Path, seen: set[tuple[int, int]] | None = None) -> int:
    """What `du` says: blocks of files and folders; a file counts once, also over several calls with the same `seen`."""
    seen = set() if seen is None else seen
    total = 0
    for info in stats([path]):
        file = (info.st_dev, info.st_ino)
        if file not in seen:
            seen.add(file)
            total += info.st_blocks * _BLOCK_BYTES
    return total


def stats(paths: Iterable[Path]) -> Iterator[os.stat_result]:
    """Of these and all that is below them; what vanishes meanwhile or cannot be read does not count."""
    waiting = list(paths)
    while waiting:
        path = waiting.pop()
        try:
            info = path.lstat()
            yield info
            if stat.S_ISDIR(info.st_mode):
                with os.scandir(path) as entries:
                    waiting.extend(Path(entry.path) for entry in entries)
        except OSError:
            continue


def files(paths: Iterable[Path]) -> Iterator[os.stat_result]:
    """Of all files below, without the folders."""
    return (info for info in stats(paths) if not stat.S_ISDIR(info.st_mode))


def remove_tree(path: Path) -> bool:
    """Remove a folder or what is in its place, whatever its permissions; whether nothing of it is left."""
    if not os.path.lexists(path):
        return True
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, onerror=_insist)
    else:
        path.unlink(missing_ok=True)
    return not path.exists()


def _insist(function: Callable[..., Any], path: str, _error: object) -> None:
    """Give ourselves the right to do it, and try once more; what resists then stays."""
    try:
        for each in (Path(path).parent, Path(path)):
            if not each.is_symlink() and each.exists():
                each.chmod(each.stat().st_mode | stat.S_IRWXU)
        if function in (os.open, os.scandir, os.lstat, os.rmdir):
            shutil.rmtree(path, ignore_errors=True)
        else:
            function(path)
    except OSError:
        return
