"""All that the app itself says on the terminal; everything else goes to its log."""

from __future__ import annotations

import sys


def show(line: str) -> None:
    """What a person waits for."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def complain(line: str) -> None:
    """Why the app does not start, or ends."""
    sys.stderr.write(f"{line}\n")
