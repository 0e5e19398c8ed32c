"""A little disk that a run sets aside while there is some, so that its stop and its end can be told on a full one."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

_SIZE_BYTES = 256 << 10


def set_aside(path: Path) -> None:
    """Take it; a disk that is full already has none to give."""
    with contextlib.suppress(OSError), path.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, _SIZE_BYTES)


def give_back(path: Path) -> None:
    """Make room for what must be written now."""
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)
