"""The few files of a commit that a preflight reads, each fetched once and several together."""

from __future__ import annotations

from collections.abc import Iterable

from repo_runner.source import Snapshot

#: A lock file of a large project has a few megabytes; a longer file is not looked at.
MAX_BYTES = 4 << 20


class RepositoryFiles:
    """Contents by path; what is missing, a link or too long has none."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        #: Paths a person can read and type; others exist and are left alone.
        self.paths = tuple(path for path in snapshot.paths if _is_text(path))
        self.known = frozenset(self.paths)
        self._contents: dict[str, bytes | None] = {}

    def fetch(self, paths: Iterable[str]) -> None:
        """Get these together. Raises QuotaExceeded when they are far too long."""
        new = [p for p in dict.fromkeys(paths) if p in self.known and p not in self._contents]
        read = self.snapshot.read(new, MAX_BYTES)
        self._contents.update({path: read.get(path) for path in new})

    def content(self, path: str) -> bytes | None:
        """What was fetched of a path."""
        return self._contents.get(path)

    def text(self, path: str) -> str:
        """The same as text; nothing where there is none."""
        return (self.content(path) or b"").decode("utf-8-sig", errors="replace")


def _is_text(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True
