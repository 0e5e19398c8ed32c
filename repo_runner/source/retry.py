"""Asking a host again after the connection broke: with pauses, a few times, and only to read."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from repo_runner.errors import FetchInterrupted, HostUnreachable, RunnerError
from repo_runner.source.git import Watch

T = TypeVar("T")

_PAUSES_S = (0.2, 1.0)


def _nothing() -> None:
    """There is nothing to tidy up."""


#: For a person who waits, a host that cannot be reached is reported at once; a run has time.
BROKEN: tuple[type[RunnerError], ...] = (FetchInterrupted,)
BROKEN_OR_AWAY: tuple[type[RunnerError], ...] = (FetchInterrupted, HostUnreachable)


def repeated(
    step: Callable[[], T],
    watch: Watch,
    clean_up: Callable[[], None] = _nothing,
    after: tuple[type[RunnerError], ...] = BROKEN,
) -> T:
    """Do a step up to three times; what arrived before a connection broke is thrown away."""
    for pause_s in _PAUSES_S:
        try:
            return step()
        except after:
            clean_up()
            (watch.cancel or threading.Event()).wait(pause_s)
    return step()
