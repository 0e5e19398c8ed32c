"""Ends everything of an attempt once its courier is gone, however that ended."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable
from pathlib import Path

from repo_runner import process
from repo_runner.token_vault import TokenVault


def main(descriptor: int, marker: str, home: Path, tickets: Iterable[str]) -> None:
    """The pipe's other end is held by the courier alone: its end is the courier's."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    while os.read(descriptor, 1):
        pass
    process.kill_marked(marker)
    for ticket in tickets:
        TokenVault(home).discard(ticket)
