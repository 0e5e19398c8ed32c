"""A stretch of a file as HTTP's `Range` header asks for it: one, or the whole file."""

from __future__ import annotations

import re
from dataclasses import dataclass

from repo_runner.errors import RangeUnsatisfiable

_SINGLE = re.compile(r"bytes=\s*([0-9]{0,18})-([0-9]{0,18})\s*", re.ASCII)


@dataclass(frozen=True)
class ByteRange:
    """From the first to the last byte, both included, counted from 0."""

    first: int
    last: int

    @property
    def size_bytes(self) -> int:
        """How many bytes that is."""
        return self.last - self.first + 1

    @classmethod
    def of(cls, header: str | None, size_bytes: int) -> ByteRange | None:
        """What the header asks for; None, the whole, where there is none, it asks for several or makes no sense.

        Raises RangeUnsatisfiable where it begins behind the end.
        """
        match = _SINGLE.fullmatch(header.strip()) if header else None
        if match is None or match.groups() == ("", ""):
            return None
        first, last = match.groups()
        if not first:
            wanted = cls(max(size_bytes - int(last), 0), size_bytes - 1)
        elif last and int(last) < int(first):
            return None
        else:
            wanted = cls(int(first), min(int(last or size_bytes), size_bytes - 1))
        if wanted.size_bytes < 1:
            raise RangeUnsatisfiable
        return wanted
