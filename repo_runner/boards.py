"""The boards that are open, a few at most; they belong to the process that serves the API and end with it."""

from __future__ import annotations

import threading
from dataclasses import replace

from repo_runner.app_file import AppAddress
from repo_runner.board import IDLE_S, Board
from repo_runner.board_status import BoardStatus
from repo_runner.errors import AppUnreachable
from repo_runner.paths import HomePaths, RunPaths
from repo_runner.settings import Settings

#: Each takes about 100 MB; the one that was opened first makes room.
MAX_OPEN = 3


class Boards:
    """By run; used from any thread."""

    def __init__(self, settings: Settings, idle_s: float = IDLE_S) -> None:
        self._settings = settings
        self._idle_s = idle_s
        self._boards: dict[str, Board] = {}
        self._lock = threading.Lock()

    def open(self, paths: RunPaths) -> BoardStatus:
        """Start a run's board unless it is there, or on its way."""
        with self._lock:
            known = self._boards.get(paths.run_id)
            if known is None or known.status.state in ("off", "failed"):
                known = self._start(paths)
            return known.status

    def status(self, run_id: str) -> BoardStatus:
        """How a run's board is; asking counts as using it."""
        with self._lock:
            board = self._boards.get(run_id)
            if board is None:
                return BoardStatus()
            board.touch()
            return board.status

    def close(self, run_id: str) -> None:
        """End a run's board, if there is one."""
        with self._lock:
            board = self._boards.pop(run_id, None)
        if board is not None:
            board.close()

    def close_all(self) -> None:
        """End all of them."""
        for run_id in list(self._boards):
            self.close(run_id)

    def _start(self, paths: RunPaths) -> Board:
        former = self._boards.pop(paths.run_id, None)
        too_many = len(self._boards) + 1 - MAX_OPEN
        oldest = [self._boards.pop(run_id) for run_id in list(self._boards)[: max(too_many, 0)]]
        for board in filter(None, (former, *oldest)):
            board.close()
        folder = HomePaths(self._settings.home).boards / paths.run_id
        board = Board(self._settings, paths, folder, self._ancestors(), self._idle_s)
        self._boards[paths.run_id] = board
        board.start()
        return board

    def _ancestors(self) -> str:
        """The pages that may show a board in a frame: the UI's, and the framework's around it."""
        try:
            ui = AppAddress.find(replace(self._settings, address="")).ui_address
        except AppUnreachable:  # no app around: nobody may
            return "'none'"
        app = self._settings.address
        return " ".join((ui, app, app.replace("127.0.0.1", "localhost")))
