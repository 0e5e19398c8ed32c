"""Where long work is."""

from __future__ import annotations

from collections.abc import Callable

from pydantic import Field

from repo_runner.models.record import Record
from repo_runner.models.status import RunPhase

#: Long work reports where it is: stage, fraction of the phase (0 to 1, None: unknown), one line for people.
OnProgress = Callable[[str, float | None, str], None]


class Progress(Record):
    """Where long work is; every field but `phase` may be unknown, and unknown is said as None."""

    phase: RunPhase
    #: Within a phase: `resolving`, `sanity_check`, `train`, `validate`, …
    stage: str = ""
    #: Of the whole phase, 0 to 1.
    fraction: float | None = None
    eta_s: float | None = None
    #: 0-based, as Lightning counts.
    epoch: int | None = None
    max_epochs: int | None = None
    batch: int | None = None
    batches: int | None = None
    step: int | None = None
    total_steps: int | None = None
    #: Optimizer steps a second, moving average.
    steps_per_s: float | None = None
    message: str = ""
    #: Seconds spent in each stage of a training so far: `sanity_check`, `train`, `validate`, `test`, `saving`, …
    stage_seconds: dict[str, float] = Field(default_factory=dict)
