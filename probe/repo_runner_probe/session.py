"""What the probe knows and reports in one process of the script."""

from __future__ import annotations

import atexit
import os
from typing import Any, Mapping
from weakref import WeakKeyDictionary

from repo_runner_probe import process_facts
from repo_runner_probe.emitter import Emitter
from repo_runner_probe.lightning_types import Trainer
from repo_runner_probe.settings import Settings


class Session:
    """One per process, from the import of the first Trainer to the end."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.rank = process_facts.rank()
        #: Trainings so far, searches for a learning rate or a batch size not counted.
        self.fits = 0
        self._calls = 0
        self._package = ""
        self._has_greeted = False
        self._trainers: WeakKeyDictionary[Trainer, int] = WeakKeyDictionary()
        self._trainers_seen = 0
        self._emitter = Emitter(settings.directory)

    @property
    def dropped(self) -> int:
        return self._emitter.dropped

    def hello(self, package: str) -> None:
        """Say that this process has imported the Trainer of `package`."""
        self._package = package
        self._has_greeted = True
        self._emitter.emit("hello", {"rank": self.rank, **process_facts.of(package)})

    def emit(self, name: str, *fields: Mapping[str, Any]) -> None:
        if not self._has_greeted:
            self.hello(self._package)
        self._emitter.emit(name, {"rank": self.rank}, *fields)

    def tick(self) -> None:
        """Write what has waited long enough."""
        self._emitter.flush_if_due()

    def close(self) -> None:
        self._emitter.flush()

    def number_of(self, trainer: Trainer) -> int:
        """Number the Trainers of the process in the order of their use."""
        if trainer not in self._trainers:
            self._trainers_seen += 1
            self._trainers[trainer] = self._trainers_seen
        return self._trainers[trainer]

    def next_call(self) -> int:
        self._calls += 1
        return self._calls

    def continue_in_child(self) -> None:
        """Give a forked process its own file; what waits here is for the parent to write.

        It says hello with its first event: most forked processes load data and have none.
        """
        self._emitter = Emitter(self.settings.directory)
        self._has_greeted = False


_current: Session | None = None


def start(env: Mapping[str, str]) -> Session | None:
    """Return this process's session, a new one if need be; None where no probe is wanted."""
    global _current  # noqa: PLW0603 - a process has one script, one event file, one session
    settings = Settings.from_env(env)
    if _current is None and settings is not None:
        _current = Session(settings)
        atexit.register(_current.close)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=_current.continue_in_child)
    return _current


def current() -> Session:
    """Return the session; the probe's other parts exist only where there is one."""
    if _current is None:
        started = start(os.environ)
        if started is None:
            message = "REPO_RUNNER_PROBE_DIR is not set"
            raise LookupError(message)
        return started
    return _current
