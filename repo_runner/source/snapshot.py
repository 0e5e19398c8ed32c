"""One commit as its host holds it: its paths at once, the contents of those that are asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from repo_runner.source.entries import Entry
from repo_runner.source.git import Watch
from repo_runner.source.mirror import Mirror


@dataclass(frozen=True)
class Snapshot:
    """Reads without a work tree; nothing here is ever executed."""

    entries: Mapping[str, Entry]
    _mirror: Mirror
    _timeout_s: float

    @property
    def paths(self) -> tuple[str, ...]:
        """All paths but submodules."""
        return tuple(path for path, entry in self.entries.items() if entry.is_file)

    @property
    def submodules(self) -> dict[str, str]:
        """Path and commit of each submodule."""
        return {path: e.object_id for path, e in self.entries.items() if not e.is_file}

    def read(self, paths: Iterable[str], max_bytes: int = 1 << 20) -> dict[str, bytes]:
        """Contents by path, fetched together; links, missing and longer files are left out.

        Raises QuotaExceeded when more arrives than a look at a few files can need.
        """
        wanted = {p: e.object_id for p in paths if (e := self.entries.get(p)) and e.is_regular}
        ids = tuple(dict.fromkeys(wanted.values()))
        contents = self._mirror.read_blobs(ids, Watch(self._timeout_s), max_bytes) if ids else {}
        return {path: contents[oid] for path, oid in wanted.items() if oid in contents}
