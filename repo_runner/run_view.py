"""How a stored run looks from outside: as a `Run`, and as the small summary in the app's shared state."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from repo_runner.clock import ticks_s
from repo_runner.kept_output import last_lines
from repo_runner.models import (
    Failure,
    PhaseTime,
    Progress,
    Run,
    RunPhase,
    RunSpec,
    RunStatus,
    Sparkline,
)
from repo_runner.paths import RunPaths
from repo_runner.tables import RunRow

_SUMMARY_METRICS = 16
_SUMMARY_LINES = 10
_SUMMARY_CHARS = 4000


def to_run(
    row: RunRow, queue_position: int | None, stop_grace_s: float, waiting_for: str = ""
) -> Run:
    """The row as everybody outside sees it."""
    stop_at, waits = row.stop_requested_at, row.status == RunStatus.PENDING.value
    return Run(
        run_id=row.run_id,
        spec=RunSpec.model_validate(row.spec),
        name=row.name,
        status=RunStatus(row.status),
        phase=RunPhase(row.phase),
        queue_position=queue_position,
        waiting_for=waiting_for,
        progress=Progress.model_validate(row.progress) if row.progress else None,
        created_at=_time(row.created_at),
        started_at=_time(row.started_at) if row.started_at and not waits else None,
        ended_at=_time(row.ended_at) if row.ended_at else None,
        stop_requested_at=_time(stop_at) if stop_at else None,
        stop_deadline_at=_time(stop_at + stop_grace_s) if stop_at else None,
        attempt=row.attempt,
        retries_used=row.retries_used,
        retry_at=_time(row.retry_at) if row.retry_at else None,
        silent_since=_time(row.silent_since) if row.silent_since else None,
        gpus=tuple(row.gpus or ()),
        commit_sha=row.commit_sha,
        environment_key=row.environment_key,
        exit_code=row.exit_code,
        exit_signal=row.exit_signal,
        exit_cause=row.exit_cause,
        failure=Failure.model_validate(row.failure) if row.failure else None,
        has_probe=row.has_probe,
        notes=tuple(row.notes),
        monitor=row.monitor,
        mode=row.mode,
        best_model_score=row.best_model_score,
        best_model_path=row.best_model_path,
        last_metrics=row.last_metrics,
        hparams=row.hparams,
        trainer=row.trainer,
        phases=tuple(_phase_time(p) for p in row.phases),
        duration_s=_duration_s(row),
        sparkline=Sparkline.model_validate(row.sparkline) if row.sparkline else None,
    )


def waits_for(row: RunRow, place: int, reasons: Mapping[str, str]) -> str:
    """One sentence for a waiting run; nothing for one that is about to start."""
    if row.retry_at is not None and row.retry_at > time.time():
        return f"Tried again at {_time(row.retry_at):%H:%M:%S} UTC."
    behind = "" if place == 1 else f"Waits behind {place - 1} runs."
    return reasons.get(row.run_id, behind)


def summarize(row: RunRow, paths: RunPaths) -> str:
    """One JSON string of fixed keys and bounded size, for Lightning's shared state."""
    progress = row.progress or {}
    lines = last_lines(paths.output, _SUMMARY_LINES) or last_lines(paths.build_log, _SUMMARY_LINES)
    summary: dict[str, Any] = {
        "run_id": row.run_id,
        "name": row.name[:200],
        "status": row.status,
        "phase": row.phase,
        "progress": progress.get("fraction"),
        "stage": progress.get("stage"),
        "epoch": progress.get("epoch"),
        "step": progress.get("step"),
        "eta_s": progress.get("eta_s"),
        # Pairs, not a mapping: a name the script chose must never become a key.
        "metrics": [
            [name[:200], value] for name, value in list(row.last_metrics.items())[:_SUMMARY_METRICS]
        ],
        "monitor": row.monitor,
        "mode": row.mode,
        "best_model_score": row.best_model_score,
        "best_model_path": row.best_model_path,
        "log_tail": "\n".join(lines)[-_SUMMARY_CHARS:],
    }
    return json.dumps(summary)


def _duration_s(row: RunRow) -> float | None:
    """Of the newest attempt; that of an attempt which outlived its boot is unknown until its end is written."""
    if row.duration_s is not None or row.started_ticks_s is None:
        return row.duration_s
    if row.ended_at is not None or ticks_s() < row.started_ticks_s:
        return None
    return ticks_s() - row.started_ticks_s


def _phase_time(data: dict[str, Any]) -> PhaseTime:
    ended = data["ended_at"]
    return PhaseTime(
        phase=RunPhase(data["phase"]),
        started_at=_time(data["started_at"]),
        ended_at=_time(ended) if ended else None,
    )


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds if math.isfinite(seconds) else 0.0, UTC)
