"""Our LightningApp: quiet when idle, awake at once, ended cleanly, and nothing of a finished work is left."""

from __future__ import annotations

import atexit
import gc
import multiprocessing
import signal
import time
from multiprocessing import connection
from types import FrameType
from typing import Any

from lightning.app import LightningApp
from lightning.app.utilities.enum import AppStage

from components import app_log, terminal
from components.burial import Burial
from components.root_flow import RootFlow
from repo_runner.access.one_time_link import new_link
from repo_runner.app_file import AppFile
from repo_runner.paths import HomePaths
from repo_runner.settings import Settings

#: The longest sleep of the loop; what has no signal of its own is looked at this often.
_TICK_S = 1.0
#: How often a sleeping loop looks for a new intent.
_POLL_S = 0.02
#: Deltas that come within this time are applied together; the API server takes ten states a second at most.
_ACCUMULATE_S = 0.1
_END_TIMEOUT_S = 3.0


class RepoRunnerApp(LightningApp):
    """The framework's loop, driven by news: a delta of a work, an intent in the store, a signal, or the tick."""

    def __init__(self, root: RootFlow, settings: Settings, claim: AppFile) -> None:
        super().__init__(root)
        self._flow = root
        self.state_accumulate_wait = _ACCUMULATE_S
        self._settings = settings
        self._claim = claim
        self._burial = Burial(self)
        self._processes_of_runtime: dict[str, multiprocessing.Process] = {}
        self._is_looping = self._is_closing = False
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._on_signal)
        atexit.register(self._leave_nothing)

    def connect(self, runtime: Any) -> None:
        """Called by the framework when it has started every part."""
        self._processes_of_runtime = runtime.processes
        ui = self._flow.ui
        ui.wait_until_open()
        self._flow.show_ui()
        self._claim.publish(self._settings, ui.address)

    def run_once(self) -> bool:
        """One turn of the loop; True ends the app."""
        if not self._is_looping:
            self._is_looping = True
            link = new_link(self._settings.public_address, self._settings.token)
            terminal.show(f"Repo Runner is ready: {link}")
        else:
            self._sleep_until_news()
        if self._is_closing or self._has_lost_server():
            return True
        self._flow.reconcile()
        done = bool(super().run_once())
        self._look_after_parts()
        return done

    @staticmethod
    def batch_get_state_changed_from_queue(q: Any, timeout: float | None = None) -> list[Any]:
        """The framework's own, but it waits when there is nothing: the loop around it never pauses."""
        _wait_for(q)
        return LightningApp.batch_get_state_changed_from_queue(q, timeout)

    def _update_index_file(self) -> None:
        """The framework's first step before it starts processes; they find the app by their environment.

        Here, because what app.py puts there is undone after it was loaded. The framework's own step is left out: it
        rewrites a file of its package, which may be a hard link into uv's cache.
        """
        # The API server and the works are forked from here. A collection in one of them would write to every object of
        # the framework and torch, and so copy 100 MB of shared pages; what exists by now is left out of collections.
        gc.freeze()
        self._settings.publish(address=self._settings.address, token=self._settings.token)

    def _sleep_until_news(self) -> None:
        until = time.monotonic() + _TICK_S
        while time.monotonic() < until and not self._is_closing and not self._flow.has_news():
            if _wait_for(self.delta_queue):
                return

    def _look_after_parts(self) -> None:
        for work in list(self._flow.runs.values()):
            if self._burial.has_ended(work):
                self._flow.take_out(work)
                self._burial.add(work)
        self._burial.proceed()
        self._flow.ui.revive()
        app_log.trim(HomePaths(self._settings.home).app_log)

    def _has_lost_server(self) -> bool:
        if all(p.is_alive() for p in self._processes_of_runtime.values()):
            return False
        terminal.complain(
            "Repo Runner ends: its API server died. Runs go on; start the app again to follow them."
        )
        self.stage = AppStage.FAILED  # makes the exit code 1
        return True

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        """Leave the loop at its next turn; an exception here could hit any line of the framework."""
        if not self._is_looping and not self._is_closing:
            self._is_closing = True
            raise SystemExit(128 + number)
        self._is_closing = True

    def _leave_nothing(self) -> None:
        """The last resort after the framework's own ending, which waits for ever for a process that hangs."""
        deadline = time.monotonic() + _END_TIMEOUT_S
        for child in multiprocessing.active_children():
            child.join(max(0.0, deadline - time.monotonic()))
            if child.is_alive():
                child.kill()
        self._claim.release()


def _wait_for(q: Any) -> bool:
    """Whether a queue has something, within a poll's time."""
    return bool(connection.wait([q.queue._reader], _POLL_S))  # noqa: SLF001  # a queue cannot be waited for otherwise
