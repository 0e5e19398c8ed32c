"""The file by which the ranks of a training agree where to stop, carried from the first node to the others.

The probe's side is `docs/probe-events.md`. The script can write into that folder too, so its words are taken for two
numbers or for nothing, and no link of its making is followed.
"""

from __future__ import annotations

import contextlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

_MAX_BYTES = 40
_WORDS = re.compile(r"\d{1,9} \d{1,18}")
_FLAGS = os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True)
class Agreement:
    """In the folder of the probe, on one node."""

    path: Path

    @classmethod
    def in_folder(cls, probe: Path) -> Agreement:
        """Beside the stop file."""
        return cls(probe / "stop.at")

    def read(self) -> str:
        """What rank zero named; empty before."""
        try:
            with os.fdopen(os.open(self.path, os.O_RDONLY | os.O_NONBLOCK | _FLAGS), "rb") as file:
                words = file.read(_MAX_BYTES).decode(errors="replace")
        except OSError:
            return ""
        return words if _WORDS.fullmatch(words) else ""

    def place(self, words: str) -> bool:
        """As rank zero wrote it: whole, or not there."""
        aside = self.path.with_name(self.path.name + ".partial")
        try:
            aside.unlink(missing_ok=True)
            _write_new(aside, words)
            aside.replace(self.path)
        except OSError:
            return False
        return True

    def say_known(self) -> None:
        """Rank zero waits for this, for a while."""
        with contextlib.suppress(OSError):
            _write_new(self.path.with_name(self.path.name + ".known"), "")


def _write_new(path: Path, words: str) -> None:
    with os.fdopen(
        os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _FLAGS, 0o600), "w"
    ) as file:
        file.write(words)
