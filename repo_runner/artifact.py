"""A file that a run has registered, opened for download: that very file or none, by ranges, proved by its hash."""

from __future__ import annotations

import fcntl
import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from repo_runner.byte_range import ByteRange
from repo_runner.errors import ArtifactChanged, ArtifactNotFound

_CHUNK_BYTES = 1 << 20
_FOLDER = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
#: Not blocking: a named pipe in the file's place would wait for a writer.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True)
class Artifact:
    """What was registered, and the open file, which stays the same whatever takes its place meanwhile."""

    name: str
    sha256: str
    size_bytes: int
    file: IO[bytes]

    @classmethod
    def open(cls, root: Path, path: str, *, sha256: str, size_bytes: int) -> Artifact:
        """Open `path` below `root`, through no link; raises ArtifactNotFound, or ArtifactChanged for another size."""
        *folders, name = path.split("/")
        try:
            descriptor = _open_beneath(root, folders, name)
            # Held until the download ends, so that its run is not cleared away meanwhile (see deletion.py).
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError as error:
            raise ArtifactNotFound(f"The file {name!r} is missing from the run folder.") from error
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_size != size_bytes:
            os.close(descriptor)
            raise ArtifactChanged
        return cls(name, sha256, size_bytes, os.fdopen(descriptor, "rb"))

    def read(self, part: ByteRange | None = None) -> Iterator[bytes]:
        """The bytes of a range; or all of them, of which the last ones come only if the whole has its hash."""
        with self.file:
            yield from self._part(part) if part else self._whole()

    def _part(self, part: ByteRange) -> Iterator[bytes]:
        self.file.seek(part.first)
        left = part.size_bytes
        while left:
            chunk = self.file.read(min(left, _CHUNK_BYTES))
            if not chunk:
                raise ArtifactChanged
            left -= len(chunk)
            yield chunk

    def _whole(self) -> Iterator[bytes]:
        digest, held = hashlib.sha256(), b""
        for chunk in self._part(ByteRange(0, self.size_bytes - 1)):
            if held:
                yield held
            digest.update(chunk)
            held = chunk
        if digest.hexdigest() != self.sha256:
            raise ArtifactChanged
        yield held


def _open_beneath(root: Path, folders: list[str], name: str) -> int:
    current = os.open(root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for folder in folders:
            below = os.open(folder, _FOLDER, dir_fd=current)
            os.close(current)
            current = below
        return os.open(name, _FILE, dir_fd=current)
    finally:
        os.close(current)
