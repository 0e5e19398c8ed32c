"""The app's log: what the framework and the app's processes would print, away from the terminal."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path

MAX_BYTES = 4 << 20
_KEPT_BYTES = 1 << 20
_FORMAT = "%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s"


def take_logging(path: Path) -> None:
    """Send every logger and every warning of this process to the app's log, the framework's included."""
    handler = logging.FileHandler(path)
    handler.setLevel(logging.WARNING)
    handler.setFormatter(logging.Formatter(_FORMAT))
    for name in (
        None,
        "lightning",
        "lightning.app",
    ):  # the framework gives these two a handler of their own
        logging.getLogger(name).handlers = [handler]
    logging.captureWarnings(True)


def take_output(path: Path) -> None:
    """Send what this process prints to the app's log (for child processes: the terminal is the main process's)."""
    sys.stdout.flush()
    sys.stderr.flush()
    log = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)


def trim(path: Path) -> None:
    """Cut the log to its end when it has grown too long; its writers append, so they go on after the cut."""
    if not path.exists() or path.stat().st_size <= MAX_BYTES:
        return
    with path.open("r+b") as log:
        log.seek(-_KEPT_BYTES, os.SEEK_END)
        kept = log.read()
        log.seek(0)
        log.truncate()
        log.write(kept)
