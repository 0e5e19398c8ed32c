"""Where a run stands, and what it is doing."""

from __future__ import annotations

from enum import StrEnum


class RunStatus(StrEnum):
    """Where a run stands; the last three are terminal and never change."""

    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    STOPPED = "stopped"

    @property
    def is_terminal(self) -> bool:
        """Whether the run has ended."""
        return self in (RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.STOPPED)


class RunPhase(StrEnum):
    """What a run that has not ended is doing."""

    QUEUED = "queued"
    FETCHING = "fetching"
    BUILDING = "building"
    TRAINING = "training"
