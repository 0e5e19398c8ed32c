"""The root flow: keeps one work per run that needs one, and shows the one UI. Nothing else is decided here."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Collection, Sequence
from typing import Protocol

from lightning.app import LightningFlow
from lightning.app.structures import Dict

from components.frontend import StreamlitUI
from components.repo_runner import GithubRepoRunner, PyTorchLightningGithubRepoRunner
from repo_runner.settings import Settings

_log = logging.getLogger(__name__)

#: The store is asked when somebody rang or a work ended, and at least this often.
_PERIOD_S = 5.0
_MAX_BACK_OFF_S = 30.0

MakeWork = Callable[[Settings, str], GithubRepoRunner]


class Decides(Protocol):
    """Which runs need a work: the manager, as this flow sees it."""

    def due(self, following: Collection[str]) -> Sequence[str]:
        """Ids of runs that need a work now, in order."""

    def revision(self) -> float:
        """Changes with each new intent; cheap."""

    def close(self) -> None:
        """Close every connection; the next call opens one."""


class RootFlow(LightningFlow):
    """Reconciles runs in the store with works; never blocks, never sets an attribute of a work."""

    def __init__(
        self,
        settings: Settings,
        manager: Decides,
        ui: StreamlitUI,
        make_work: MakeWork = PyTorchLightningGithubRepoRunner,
    ) -> None:
        super().__init__()
        #: One work per attempt at following a run, under a key that is never used again.
        self.runs = Dict()
        self._settings = settings
        self._manager = manager
        self._make_work = make_work
        self._ui = ui
        self._attempts: dict[str, int] = {}
        self._not_before: dict[str, float] = {}
        self._seen_revision = math.nan
        self._asked_at = -math.inf
        manager.close()  # for the reason in _due

    @property
    def ui(self) -> StreamlitUI:
        """The process that serves the pages."""
        return self._ui

    def configure_layout(self) -> StreamlitUI:
        """The Streamlit UI is the only content; it has its own navigation."""
        return self._ui

    def show_ui(self) -> None:
        """Point the page at the UI by our host name: the framework has written `localhost`, which is another site."""
        self._layout["target"] = self._ui.address
        # The page puts the name into its address, /view/app; without one it is "undefined".
        self._layout["name"] = "app"

    def has_news(self) -> bool:
        """Whether an intent was stored, or a work ended, since the store was last asked."""
        return self._manager.revision() != self._seen_revision

    def run(self) -> None:
        """Called by the framework after each change of state; the app calls `reconcile` on its own clock as well."""
        self.reconcile()

    def reconcile(self) -> None:
        """Start a work for every run that needs one."""
        if not self.has_news() and time.monotonic() - self._asked_at < _PERIOD_S:
            return
        self._seen_revision = self._manager.revision()
        self._asked_at = time.monotonic()
        for run_id in self._due():
            if time.monotonic() >= self._not_before.get(run_id, 0.0):
                self._start(run_id)

    def take_out(self, work: GithubRepoRunner) -> None:
        """Let go of a work that has ended; the store is asked at once what comes next."""
        run_id = work.run_id
        if work.has_succeeded:
            self._attempts.pop(run_id, None)
            self._not_before.pop(run_id, None)
        else:
            back_off_s = min(2.0 ** self._attempts[run_id], _MAX_BACK_OFF_S)
            self._not_before[run_id] = time.monotonic() + back_off_s
        self.runs.pop(work.name.rpartition(".")[2])
        self._seen_revision = math.nan

    def _due(self) -> Sequence[str]:
        try:
            return self._manager.due({work.run_id for work in self.runs.values()})
        except Exception:  # noqa: BLE001  # whatever the store is up against, an error here would end the whole app
            _log.exception("The store cannot be asked; trying again in %s s.", _PERIOD_S)
            return []
        finally:
            # Works are forked from this process, and no SQLite connection survives a fork unharmed.
            self._manager.close()

    def _start(self, run_id: str) -> None:
        attempt = self._attempts[run_id] = self._attempts.get(run_id, 0) + 1
        key = f"{run_id}-{attempt}-{time.monotonic_ns()}"
        work = self.runs[key] = self._make_work(self._settings, run_id)
        try:
            work.run()
        except OSError:  # no process or descriptor left on this machine; the app finds the work dead and takes it out
            _log.exception("The work for run %s cannot start; trying again later.", run_id)
