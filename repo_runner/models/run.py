"""A run as everybody outside sees it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pydantic import Field

from repo_runner.models.failure import Failure
from repo_runner.models.metrics import Sparkline
from repo_runner.models.progress import Progress
from repo_runner.models.record import Record
from repo_runner.models.status import RunPhase, RunStatus
from repo_runner.models.submission import RunSpec


class PhaseTime(Record):
    """When a phase began and ended."""

    phase: RunPhase
    started_at: datetime
    ended_at: datetime | None = None


class Run(Record):
    """Everything the app knows about one run but its metrics and logs."""

    run_id: str
    spec: RunSpec
    name: str
    status: RunStatus
    phase: RunPhase
    #: Place among the waiting runs, 1 = next; None when it does not wait.
    queue_position: int | None = None
    #: What a waiting run waits for, in one sentence; empty when it does not wait.
    waiting_for: str = ""
    progress: Progress | None = None
    created_at: datetime
    #: When the queue let it in.
    started_at: datetime | None = None
    ended_at: datetime | None = None
    stop_requested_at: datetime | None = None
    #: Until then a run that was asked to stop may save; then it is ended.
    stop_deadline_at: datetime | None = None
    attempt: int = 0
    #: Attempts that were begun by the retry rules, without being asked.
    retries_used: int = 0
    #: When the next of these is due.
    retry_at: datetime | None = None
    #: Since when neither output nor progress came, once that is longer than the run's limit allows.
    silent_since: datetime | None = None
    #: The GPUs the run holds, by their unique ids.
    gpus: tuple[str, ...] = ()
    commit_sha: str
    environment_key: str | None = None
    exit_code: int | None = None
    exit_signal: int | None = None
    #: `code signal out_of_memory timeout limit disk stopped error lost`, see lifecycle.py.
    exit_cause: str | None = None
    failure: Failure | None = None
    #: Whether the probe reports from inside the script (it uses PyTorch Lightning).
    has_probe: bool = False
    #: Non-fatal notes, newest last.
    notes: tuple[str, ...] = ()
    #: The monitored metric and its mode, as the script's ModelCheckpoint names them.
    monitor: str | None = None
    mode: str | None = None
    best_model_score: float | None = None
    #: Path of the best checkpoint in the run folder.
    best_model_path: str | None = None
    #: Newest value of every metric, at most 64.
    last_metrics: dict[str, float | None] = Field(default_factory=dict)
    hparams: dict[str, Any] = Field(default_factory=dict)
    #: What the probe said of the trainer: versions, strategy, devices, parameter counts.
    trainer: dict[str, Any] = Field(default_factory=dict)
    phases: tuple[PhaseTime, ...] = ()
    #: The monitored metric, else the one that tells most.
    sparkline: Sparkline | None = None
    #: From the start of the newest attempt to its end, or to now, by a clock that never jumps.
    duration_s: float | None = None

    @property
    def grace_left_s(self) -> float | None:
        """Seconds in which a run that stops may still save; None for every other run."""
        if self.stop_deadline_at is None or self.status is not RunStatus.RUNNING:
            return None
        return max((self.stop_deadline_at - datetime.now(UTC)).total_seconds(), 0.0)


class RunPage(Record):
    """One page of a listing."""

    runs: tuple[Run, ...]
    next_cursor: str | None = None
    total: int
    #: False where a search matches more runs than `total` says: it is not counted further.
    is_total_exact: bool = True
