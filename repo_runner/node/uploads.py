"""Puts the run's checkpoints on the shelf as they come, and says so on the log."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

from repo_runner.events import read_batch
from repo_runner.node.outbox import Log
from repo_runner.paths import RunPaths
from repo_runner.shelf import Shelf, ShelfFile, ShelfUnreachable

_LOOK_EVERY_S = 0.5


class Uploads:
    """A thread beside the courier, because a checkpoint may be large and a log line must not wait for it."""

    def __init__(self, paths: RunPaths, shelf: Shelf, log: Log) -> None:
        self._paths = paths
        self._shelf = shelf
        self._log = log
        self._offset = paths.events.stat().st_size if paths.events.exists() else 0
        self._wanted: dict[str, str] = {}
        self._on_shelf: dict[str, str] = {}
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="uploads")

    def __enter__(self) -> Uploads:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._thread.join()

    def _watch(self) -> None:
        closing = False
        while not closing:
            closing = self._closing.wait(_LOOK_EVERY_S)
            try:
                self._look()
                self._send()
            except OSError as error:
                self._log.fact("trouble", message=f"Checkpoints: {error!r}")

    def _look(self) -> None:
        while (batch := read_batch(self._paths.events, self._offset)).next_offset != self._offset:
            self._offset = batch.next_offset
            for event in batch.events:
                self._see(event)

    def _see(self, event: dict[str, Any]) -> None:
        if event.get("kind") == "checkpoints":
            kept = {f"checkpoints/{c['name']}": c["sha256"] for c in event["items"]}
            others = {p: s for p, s in self._wanted.items() if not p.startswith("checkpoints/")}
            self._wanted = {**others, **kept}
        if event.get("kind") == "stop_checkpoint":
            self._wanted[os.path.relpath(event["path"], self._paths.root)] = ""

    def _send(self) -> None:
        for path, sha256 in self._wanted.items():
            if self._on_shelf.get(path) != (sha256 or self._on_shelf.get(path, "-")):
                self._put(path, sha256)
        for path in set(self._on_shelf) - set(self._wanted):
            self._let_go(self._on_shelf.pop(path))

    def _put(self, path: str, sha256: str) -> None:
        """From a second name of the very file the event spoke of: the first may be given to a newer one meanwhile."""
        second = self._paths.root / "uploads" / "file"
        second.parent.mkdir(exist_ok=True)
        second.unlink(missing_ok=True)
        try:
            os.link(self._paths.root / path, second)
        except FileNotFoundError:
            return
        file = ShelfFile.of(second.parent, second.name)
        if sha256 in ("", file.sha256):
            self._deliver(second, ShelfFile(path, file.sha256, file.size_bytes))

    def _deliver(self, source: Path, file: ShelfFile) -> None:
        try:
            self._shelf.put(source, file)
        except ShelfUnreachable as error:
            self._log.fact("trouble", message=error.message)
            return
        self._log.fact("on_shelf", **file.as_dict())
        before = self._on_shelf.get(file.path)
        self._on_shelf[file.path] = file.sha256
        self._let_go(before)

    def _let_go(self, sha256: str | None) -> None:
        """Several checkpoints may have one content, such as the best and the last, or a later one may have it again."""
        if not sha256 or sha256 in (*self._on_shelf.values(), *self._wanted.values()):
            return
        try:
            self._shelf.drop(sha256)
        except ShelfUnreachable as error:
            self._log.fact("trouble", message=error.message)
