"""Hands the supervisor a stop: a person's, which the app left on the shelf, or the cluster's own (SIGTERM)."""

from __future__ import annotations

import threading
import time

from repo_runner.app_file import write_private
from repo_runner.node.outbox import Log
from repo_runner.order import stop_name
from repo_runner.paths import RunPaths
from repo_runner.shelf import Shelf, ShelfUnreachable

_LOOK_EVERY_S = 1.0


class StopLine:
    """A thread, because the shelf may be slow; while it does not answer, there is no stop."""

    def __init__(
        self, paths: RunPaths, attempt: int, shelf: Shelf, log: Log, told_to_end: threading.Event
    ) -> None:
        self._paths = paths
        self._attempt = attempt
        self._shelf = shelf
        self._log = log
        self._told_to_end = told_to_end
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="stop-line")

    def __enter__(self) -> StopLine:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._closing.wait(_LOOK_EVERY_S):
            if self._told_to_end.is_set() or self._is_asked():
                write_private(self._paths.stop, f'{{"requested_at": {time.time()}}}')
                return

    def _is_asked(self) -> bool:
        try:
            return self._shelf.read(stop_name(self._attempt)) is not None
        except ShelfUnreachable as error:
            self._log.fact("trouble", message=error.message)
            return False
