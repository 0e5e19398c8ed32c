"""What the page of a run shows at one moment."""

from __future__ import annotations

from dataclasses import dataclass

from repo_runner.models import Checkpoint, MetricSeries, Run, RunPhase
from repo_runner.resources import ResourcePoint
from ui.connection import client
from ui.views.log_reader import reader_of
from ui.widgets.log_view import Log

#: More would not be seen on a chart of this width.
MAX_POINTS = 400
MAX_MOMENTS = 200


@dataclass(frozen=True)
class Snapshot:
    """One moment of a run."""

    run: Run
    metrics: tuple[MetricSeries, ...]
    checkpoints: tuple[Checkpoint, ...]
    resources: tuple[ResourcePoint, ...]
    log: Log


def load(run_id: str, stream: str | None = None) -> Snapshot:
    """Ask the app; without a choice of the log, the one that tells most now. Raises `RunnerError`."""
    api = client()
    run = api.get(run_id)
    stream = stream or ("build" if run.phase is RunPhase.BUILDING else "output")
    return Snapshot(
        run,
        api.metrics(run_id, max_points=MAX_POINTS),
        api.checkpoints(run_id),
        api.resources(run_id, max_points=MAX_MOMENTS),
        _read_log(run_id, stream),
    )


def _read_log(run_id: str, stream: str) -> Log:
    reader = reader_of(run_id, stream)
    reader.read()
    return Log(
        stream, reader.lines(), reader.size_bytes, reader.skipped_bytes, reader.dropped_bytes
    )
