"""How a run's files travel over a log that anybody may write to: one line per piece, by file and byte offset.

A frame is found by its mark wherever it stands in a line, and proved whole by its checksum, so foreign lines between
frames, torn lines and reading a log again from its beginning do no harm.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_MARK = b"@repo-runner "
#: Bytes of a file in one frame.
MAX_PIECE_BYTES = 8192
_MAX_LINE_BYTES = 1 << 20


@dataclass(frozen=True)
class Frame:
    """A piece of a file, or (without `file`) a fact about the attempt."""

    #: `events.jsonl`, `output.log`, …
    file: str = ""
    offset: int = 0
    data: bytes = b""
    #: How many lines of the file end before `offset`; None where nobody needs it.
    line: int | None = None
    #: Bytes of the whole file, for one that is written at once and never appended to.
    total: int | None = None
    #: `{kind, …}`.
    fact: dict[str, Any] | None = None

    def to_line(self) -> bytes:
        """One line of ASCII."""
        body: dict[str, Any] = {"fact": self.fact}
        if self.fact is None:
            text = self.data.decode(errors="surrogateescape")
            body = {"file": self.file, "offset": self.offset, "data": text}
            body.update(line=self.line, total=self.total)
        packed = json.dumps(body, separators=(",", ":")).encode()
        return b"%s%08x %s\n" % (_MARK, zlib.crc32(packed), packed)


class FrameReader:
    """Feed chunks of a log, get the frames in it; however the chunks are cut."""

    def __init__(self) -> None:
        self._rest = b""
        #: The last lines that are no frames: what something else said on this log.
        self.foreign_lines: list[str] = []

    def feed(self, chunk: bytes) -> Iterator[Frame]:
        """The frames that are complete now."""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        self._rest = self._rest[-_MAX_LINE_BYTES:]
        for line in lines:
            frame = _parse(line)
            if frame is not None:
                yield frame
            elif line.strip():
                self._keep(line.decode(errors="replace").rstrip())

    def _keep(self, line: str) -> None:
        self.foreign_lines = [*self.foreign_lines, line[:1000]][-40:]


def _parse(line: bytes) -> Frame | None:
    _, mark, rest = line.partition(_MARK)
    if not mark:
        return None
    checksum, _, packed = rest.rstrip().partition(b" ")
    try:
        if int(checksum, 16) != zlib.crc32(packed):
            return None
        body = json.loads(packed)
        if body.get("fact") is not None:
            return Frame(fact=dict(body["fact"]))
        data = body["data"].encode(errors="surrogateescape")
        return Frame(str(body["file"]), int(body["offset"]), data, body["line"], body["total"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
