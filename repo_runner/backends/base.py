"""What a backend does: start a run's supervisor, say whether it lives, hand it a stop."""

from __future__ import annotations

from typing import Protocol

from repo_runner.models import RunSpec
from repo_runner.paths import RunPaths


class BackendBase(Protocol):
    """Decides only where the supervisor runs; everything after that is the run folder."""

    def launch(self, paths: RunPaths, spec: RunSpec, attempt: int) -> None:
        """Start the supervisor of an attempt; harmless when one already lives."""

    def is_alive(self, paths: RunPaths) -> bool:
        """Whether a supervisor holds this run."""

    def was_started(self, paths: RunPaths) -> bool:
        """Whether a supervisor ever held this attempt."""

    def stop(self, paths: RunPaths) -> None:
        """Ask the supervisor to stop the script; may be repeated."""

    def clean_up(self, paths: RunPaths) -> None:
        """Kill what a lost supervisor left behind."""
