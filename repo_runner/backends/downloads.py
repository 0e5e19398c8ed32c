"""Brings the checkpoints of a run on a cluster into its run folder: those its newest event names, and no other."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from repo_runner.events import read_batch
from repo_runner.paths import RunPaths
from repo_runner.shelf import Shelf, ShelfFile, ShelfUnreachable

_LOOK_EVERY_S = 0.5


class Downloads:
    """A thread beside the one that mirrors the log: a checkpoint may be large, and an event must not wait for it."""

    def __init__(self, paths: RunPaths, shelf: Shelf) -> None:
        self._paths = paths
        self._shelf = shelf
        self._offset = 0
        #: By path in the run folder: content the stream names last; empty where it names none.
        self._wanted: dict[str, str] = {}
        self._offered: dict[tuple[str, str], ShelfFile] = {}
        self._here: dict[str, str] = {}
        self._failed: set[tuple[str, str]] = set()
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._finishing = threading.Event()
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="downloads", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def offer(self, fact: dict[str, Any]) -> None:
        """A file is on the shelf."""
        file = ShelfFile(str(fact["path"]), str(fact["sha256"]), int(fact["size_bytes"]))
        with self._lock:
            self._offered[file.path, file.sha256] = file
            # It was taken from the shelf when a newer one came, and is there again.
            self._failed.discard((file.path, file.sha256))
        self._wake.set()

    def finish(self) -> None:
        """Everything that will be offered has been; returns when all of it is here."""
        self._finishing.set()
        self._wake.set()
        self._thread.join()

    def close(self) -> None:
        """Leave off; what is half here goes on there the next time."""
        self._closing.set()
        self._wake.set()

    def _watch(self) -> None:
        while not self._closing.is_set():
            finishing = self._finishing.is_set()
            self._read_stream()
            complete = self._fetch()
            if finishing and complete:
                return
            self._wake.wait(_LOOK_EVERY_S)
            self._wake.clear()

    def _read_stream(self) -> None:
        while (batch := read_batch(self._paths.events, self._offset)).next_offset != self._offset:
            self._offset = batch.next_offset
            for event in batch.events:
                self._see(event)

    def _see(self, event: dict[str, Any]) -> None:
        if event.get("kind") == "checkpoints":
            kept = {f"checkpoints/{Path(c['name']).name}": c["sha256"] for c in event["items"]}
            others = {p: s for p, s in self._wanted.items() if not p.startswith("checkpoints/")}
            self._wanted = {**others, **kept}
        if event.get("kind") == "attempt":
            attempt = int(event["attempt"])
            stop = self._paths.stop_checkpoint(attempt).relative_to(self._paths.root)
            self._wanted.setdefault(str(stop), "")

    def _fetch(self) -> bool:
        """Whether nothing is left to be tried again."""
        self._prune()
        complete = True
        with self._lock:
            offered = list(self._offered.items())
        for (path, sha256), file in offered:
            wanted = path in self._wanted and self._wanted[path] in ("", sha256)
            if wanted and self._here.get(path) != sha256 and (path, sha256) not in self._failed:
                complete &= self._get(file)
        return complete

    def _get(self, file: ShelfFile) -> bool:
        target = self._paths.root / file.path
        try:
            known = target.exists() and ShelfFile.of(self._paths.root, file.path) == file
            if known or self._shelf.get(self._paths.root, file):
                self._here[file.path] = file.sha256
            else:
                self._give_up(file)
        except FileNotFoundError:
            # A newer one has taken its place meanwhile.
            self._give_up(file)
        except ShelfUnreachable:
            return False
        return True

    def _give_up(self, file: ShelfFile) -> None:
        """Until it is offered again, which may just have happened."""
        with self._lock:
            if self._offered[file.path, file.sha256] is file:
                self._failed.add((file.path, file.sha256))

    def _prune(self) -> None:
        """What the script's own pruning has taken from the newest event goes from here too."""
        with self._lock:
            known = {path for path, _ in self._offered}
        for path in known - set(self._wanted):
            self._here.pop(path, None)
            if path.startswith("checkpoints/"):
                (self._paths.checkpoints / Path(path).name).unlink(missing_ok=True)
