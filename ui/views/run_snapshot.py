"""What the page of a run shows at one moment."""

from __future__ import annotations

from dataclasses import dataclass

from repo_runner.models import Checkpoint, LogSlice, MetricSeries, Run, RunPhase
from ui.connection import client

#: More would not be seen on a chart of this width.
MAX_POINTS = 400
#: Progress bars write a hundred times what a terminal keeps of them.
LOG_TAIL_BYTES = 128 << 10


@dataclass(frozen=True)
class Snapshot:
    """One moment of a run."""

    run: Run
    metrics: tuple[MetricSeries, ...]
    checkpoints: tuple[Checkpoint, ...]
    log: LogSlice
    #: Which log it is: the script's `output`, or the installer's `build`.
    stream: str


def load(run_id: str, stream: str | None = None) -> Snapshot:
    """Ask the app; without a choice of the log, the one that tells most now. Raises `RunnerError`."""
    api = client()
    run = api.get(run_id)
    stream = stream or ("build" if run.phase is RunPhase.BUILDING else "output")
    return Snapshot(
        run,
        api.metrics(run_id, max_points=MAX_POINTS),
        api.checkpoints(run_id),
        api.logs(run_id, tail=LOG_TAIL_BYTES, stream=stream),
        stream,
    )
