"""Git LFS pointers: short text files in a repository that stand for long ones elsewhere."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from repo_runner.source.entries import Entry

MAX_POINTER_BYTES = 1024

#: Its keys come in this order. A pointer with extensions is none to us: nobody could undo them.
_POINTER = re.compile(
    rb"version https://git-lfs\.github\.com/spec/v1\r?\n"
    rb"oid sha256:(?P<oid>[0-9a-f]{64})\r?\nsize (?P<size>\d{1,15})\s*\Z"
)


@dataclass(frozen=True, slots=True)
class Pointer:
    """What stands at a path in place of its content."""

    path: str
    #: The content's sha256.
    oid: str
    size_bytes: int

    @property
    def name(self) -> str:
        """The path for people: a file's name may hold anything."""
        return "".join(c if c.isprintable() else "?" for c in self.path)[:200]


def parse_pointer(path: str, content: bytes) -> Pointer | None:
    """The pointer a file is, or None for any other file."""
    match = _POINTER.match(content) if len(content) <= MAX_POINTER_BYTES else None
    return Pointer(path, match["oid"].decode(), int(match["size"])) if match else None


def find_pointers(folder: Path, entries: Iterable[Entry]) -> Iterator[Pointer]:
    """The pointers among the files of a commit, as they lie in its work tree."""
    for entry in entries:
        if entry.is_regular and 100 < entry.size_bytes <= MAX_POINTER_BYTES:
            pointer = parse_pointer(entry.path, _head(folder / entry.path))
            if pointer:
                yield pointer


def _head(path: Path) -> bytes:
    file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        return os.read(file, MAX_POINTER_BYTES + 1)
    finally:
        os.close(file)
