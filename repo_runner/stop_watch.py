"""Notices, in the supervisor, that a person has asked the run to stop."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from types import FrameType
from typing import Any

_LOOK_EVERY_S = 0.25


class StopWatch:
    """`requested` is set once `stop.json` exists; SIGTERM only makes us look at once. SIGHUP and SIGINT are ignored."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._wake = threading.Event()
        self._closing = False
        self._before: dict[signal.Signals, Any] = {}
        self._thread = threading.Thread(target=self._watch, name="stop-watch", daemon=True)
        #: Set once the run has been asked to stop.
        self.requested = threading.Event()

    def __enter__(self) -> StopWatch:
        wanted: dict[signal.Signals, Any] = {
            signal.SIGTERM: self._on_signal,
            signal.SIGINT: signal.SIG_IGN,
            signal.SIGHUP: signal.SIG_IGN,
        }
        self._before = {
            number: signal.signal(number, handler) for number, handler in wanted.items()
        }
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing = True
        self._wake.set()
        self._thread.join()
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._wake.set()

    def _watch(self) -> None:
        while not self._closing and not self._path.exists():
            self._wake.wait(_LOOK_EVERY_S)
            self._wake.clear()
        if self._path.exists():
            self.requested.set()
