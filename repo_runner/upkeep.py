"""What an app that runs for months does for itself, in a thread: backups, clearing away, looking after its database."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from repo_runner.backups import Backups, check
from repo_runner.disk import is_passing
from repo_runner.errors import RunnerError
from repo_runner.manager import Manager
from repo_runner.retention import sweep, sweep_mirrors

_log = logging.getLogger(__name__)

#: How often it is looked whether something is to be done.
_PERIOD_S = 60.0


class Upkeep:
    """Lives in the process that serves the API; what it finds is shown in the app's health."""

    def __init__(self, manager: Manager) -> None:
        self._manager = manager
        self._closing = threading.Event()
        self._is_checked = False
        self._thread = threading.Thread(target=self._run, name="upkeep", daemon=True)

    def start(self) -> None:
        """Begin at once."""
        self._thread.start()

    def stop(self) -> None:
        """End after what is being done."""
        self._closing.set()
        self._thread.join()

    def look(self) -> None:
        """Everything once; what fails is a problem until it succeeds."""
        self._try("database", self._check)
        self._try("backup", self._back_up)
        self._try("retention", self._clear_away)

    def _run(self) -> None:
        self._try("database", self._check)
        # The rest can wait until the app is up: one that is ended while it starts leaves no half of a copy.
        while not self._closing.wait(_PERIOD_S):
            self.look()

    def _check(self) -> None:
        """At the start, and after a look that found damage; between, each backup is a look."""
        database = self._manager.settings.database_file
        if database and (not self._is_checked or "database" in self._manager.problems):
            check(database)
            self._is_checked = True

    def _back_up(self) -> None:
        settings, backups = self._manager.settings, Backups(self._manager.paths.backups)
        database = settings.database_file
        if database and backups.is_due(database, settings.backup_every_s):
            backups.make(database)

    def _clear_away(self) -> None:
        manager = self._manager
        swept = sweep(manager.store, manager.paths, manager.settings)
        freed = sweep_mirrors(manager.store, manager.paths, manager.settings)
        if swept.removed or freed:
            _log.info(
                "Cleared away %s runs; %s bytes.", len(swept.removed), swept.bytes_freed + freed
            )

    def _try(self, name: str, step: Callable[[], None]) -> None:
        try:
            step()
        except (RunnerError, OSError) as error:
            if isinstance(error, OSError) and not is_passing(error):
                _log.exception("The upkeep failed.")
            self._manager.problems[name] = _sentence(name, error)
        else:
            self._manager.problems.pop(name, None)


def _sentence(name: str, error: RunnerError | OSError) -> str:
    if isinstance(error, RunnerError):
        return f"{error.message} {error.hint_text}".strip()
    return f"The upkeep ({name}) failed: {error.strerror or error}."
