"""A lock between processes and threads: gone with the last process that holds its file open."""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from repo_runner.errors import FetchTimeout
from repo_runner.process import ProcessCancelled

_RETRY_S = 0.02


@contextmanager
def locked(path: Path, *, timeout_s: float, cancel: threading.Event | None = None) -> Iterator[int]:
    """Hold the lock (flock); yields its open file, for a child that holds on if this process dies.

    Raises FetchTimeout and ProcessCancelled.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _wait(file, time.monotonic() + timeout_s, cancel or threading.Event())
        yield file
    finally:
        os.close(file)


def _wait(file: int, deadline: float, cancel: threading.Event) -> None:
    while not _try(file):
        if cancel.wait(_RETRY_S):
            raise ProcessCancelled
        if time.monotonic() > deadline:
            raise FetchTimeout("Another run fetches this repository and does not come to an end.")


def _try(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
