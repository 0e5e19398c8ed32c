"""What a backend does: start a run's supervisor, say whether it lives, hand it a stop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from repo_runner.models import RunSpec
from repo_runner.paths import RunPaths

#: The supervisor's flag for an attempt without the probe.
WITHOUT_PROBE = "--without-probe"
#: Its option with the GPUs of an attempt, separated by commas.
GPUS = "--gpus="


@dataclass(frozen=True)
class Attempt:
    """One life of a run."""

    #: From 1.
    number: int
    #: Whether PyTorch Lightning is observed from inside; without it any script is only run and logged.
    with_probe: bool = True
    #: Unique ids of the GPUs the script may use; None: nobody counts them on this machine.
    gpus: tuple[str, ...] | None = None


class BackendBase(Protocol):
    """Decides only where the supervisor runs; everything after that is the run folder."""

    def launch(self, paths: RunPaths, spec: RunSpec, attempt: Attempt) -> None:
        """Start the supervisor of an attempt; harmless when one already lives."""

    def is_alive(self, paths: RunPaths) -> bool:
        """Whether a supervisor holds this run."""

    def was_started(self, paths: RunPaths) -> bool:
        """Whether a supervisor ever held this attempt."""

    def stop(self, paths: RunPaths) -> None:
        """Ask the supervisor to stop the script; may be repeated."""

    def clean_up(self, paths: RunPaths) -> None:
        """Kill and remove what a lost supervisor left behind."""

    def forget(self, paths: RunPaths) -> None:
        """A run is deleted: remove what lies outside its folder."""

    def close(self) -> None:
        """Stop following; the runs go on."""
