"""The four phases of a run with their times, its progress, and its figures."""

from __future__ import annotations

from typing import Any

from repo_runner.models import Progress, Run, RunPhase, RunStatus
from repo_runner.progress_line import stopping
from ui.widgets import formats
from ui.widgets.component import mount

#: What people call the stages of a training.
_STAGES = {
    "sanity_check": "Sanity check",
    "train": "Epochs",
    "validate": "Validation",
    "saving": "Saving",
    "test": "Test",
    "tuning": "Tuning",
}
_ENDED_AS = {RunStatus.SUCCEEDED: "done", RunStatus.FAILED: "failed", RunStatus.STOPPED: "stopped"}


def show_phases(run: Run) -> None:
    """Show where a run is."""
    mount("rr-phases", phases_data(run), key="phases")


def phases_data(run: Run) -> dict[str, Any]:
    """Return what the element shows."""
    active = not run.status.is_terminal
    return {
        "phases": [_phase(run, phase) for phase in RunPhase],
        "line": progress_line(run) if active else "",
        "stages": stages(run),
        "eta": formats.eta(run.progress.eta_s) if active and run.progress else "",
        "figures": figures(run),
    }


def progress_line(run: Run) -> str:
    """Say in one line what a run is doing now."""
    if run.stop_requested_at:
        return stopping(run.grace_left_s or 0.0).capitalize()
    if run.phase is RunPhase.QUEUED:
        place = run.queue_position
        return f"Waiting, number {place} in the queue" if place else "Waiting to start"
    if run.progress is None:
        return "Starting"
    return " · ".join(_progress_parts(run.progress)) or "Working"


def stages(run: Run) -> list[dict[str, Any]]:
    """Return the stages of a training in the order in which they first came, with the time in each."""
    progress = run.progress
    if progress is None or progress.phase is not RunPhase.TRAINING:
        return []
    spent = progress.stage_seconds
    names = [*spent, *([progress.stage] if progress.stage and progress.stage not in spent else [])]
    return [
        {
            "name": _STAGES.get(name, name.replace("_", " ").capitalize()),
            "time": formats.duration(spent.get(name, 0.0)),
            "active": name == progress.stage and not run.status.is_terminal,
        }
        for name in names
    ]


def figures(run: Run) -> list[dict[str, Any]]:
    """Return the numbers one looks for first."""
    rows: list[dict[str, Any]] = []
    if run.best_model_score is not None:
        note = f"{run.mode}imum" if run.mode else ""
        note += " so far" if note and not run.status.is_terminal else ""
        name = f"Best {run.monitor or 'score'}"
        rows.append({"name": name, "value": formats.number(run.best_model_score), "note": note})
    if run.progress is not None and run.has_probe:
        rows += _training_figures(run.progress)
    if run.started_at is not None:
        rows.append(
            {
                "name": "Duration",
                "since": formats.iso(run.started_at),
                "until": formats.iso(run.ended_at),
                "note": f"exit code {run.exit_code}" if run.exit_code is not None else "",
            }
        )
    return rows


def fraction_of(run: Run, phase: RunPhase) -> float | None:
    """Return how much of a phase is done, as far as it is known."""
    if run.progress is None or run.progress.phase is not phase:
        return None
    return run.progress.fraction


def _phase(run: Run, phase: RunPhase) -> dict[str, Any]:
    times = [time for time in run.phases if time.phase is phase]
    started = times[-1].started_at if times else None
    ended = times[-1].ended_at if times else None
    if phase is RunPhase.QUEUED and started is None:
        started, ended = run.created_at, run.started_at or run.ended_at
    state = _state(run, phase)
    return {
        "name": phase.value,
        "state": state,
        "started_at": None if state == "todo" else formats.iso(started),
        "ended_at": formats.iso(ended or (run.ended_at if state != "todo" else None)),
        "fraction": fraction_of(run, phase) if state == "active" else None,
    }


def _state(run: Run, phase: RunPhase) -> str:
    order = list(RunPhase)
    if order.index(phase) < order.index(run.phase):
        return "done"
    if phase is run.phase:
        return _ENDED_AS.get(run.status, "active")
    return "todo"


def _progress_parts(progress: Progress) -> list[str]:
    parts = []
    if progress.epoch is not None:
        parts.append(f"Epoch {epochs_of(progress)}")
    if progress.batch is not None and progress.batch <= (progress.batches or progress.batch):
        parts.append(f"batch {of_total(progress.batch, progress.batches)}")
    stage = progress.stage.replace("_", " ")
    if stage and stage != "train":
        parts.append(stage if parts else stage.capitalize())
    if progress.message:
        parts.append(progress.message)
    return parts


def _training_figures(progress: Progress) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    if progress.epoch is not None:
        rows.append({"name": "Epoch", "value": epochs_of(progress)})
    if progress.step is not None:
        rows.append({"name": "Step", "value": of_total(progress.step, progress.total_steps)})
    if progress.steps_per_s:
        speed = f"{progress.steps_per_s:.3g} steps/s"
        rows.append({"name": "Speed", "value": speed})
    return rows


def epochs_of(progress: Progress) -> str:
    """The epoch it is in, counted from one; after the last one Lightning counts one too many."""
    count = (progress.epoch or 0) + 1
    limit = progress.max_epochs if progress.max_epochs and progress.max_epochs > 0 else count
    return of_total(min(count, limit), progress.max_epochs)


def of_total(count: int, total: int | None) -> str:
    """`3 of 10`, or `3` where the total is not known."""
    return f"{count:,} of {total:,}" if total and total > 0 else f"{count:,}"
