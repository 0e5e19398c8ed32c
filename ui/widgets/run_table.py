"""The tables of the Runs page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from repo_runner.models import Run, RunPhase, RunStatus
from ui.widgets import formats, safe
from ui.widgets.component import mount, nothing
from ui.widgets.phase_bar import epochs_of, fraction_of


@dataclass(frozen=True)
class Wish:
    """What a person has asked for: to `open` a run, or to `compare`, `stop` or `delete` the selected ones."""

    verb: str
    run_ids: tuple[str, ...]


def show_runs(sections: Mapping[str, Iterable[Run]], empty: tuple[str, str]) -> Wish | None:
    """Show titled tables of runs and return what a person has asked for."""
    data = {
        "sections": [
            {"title": title, "rows": [row_data(run) for run in runs]}
            for title, runs in sections.items()
        ],
        "empty": {"title": empty[0], "text": empty[1]},
    }
    sent = mount("rr-runs", data, key="runs", on_event={"open": nothing, "act": nothing})
    if opened := sent.get("open"):
        return Wish("open", (str(opened),))
    if act := sent.get("act"):
        return Wish(str(act["verb"]), tuple(str(run_id) for run_id in act["runs"]))
    return None


def row_data(run: Run) -> dict[str, Any]:
    """Return one row."""
    return {
        "run_id": run.run_id,
        "name": run.name,
        "source": source_line(run),
        "status": status_word(run),
        "phase": run.phase.value.capitalize(),
        "fraction": fraction_of(run, run.phase),
        "eta": formats.eta(run.progress.eta_s) if run.progress else "",
        "note": row_note(run),
        "best": formats.number(run.best_model_score) if run.best_model_score is not None else "",
        "monitor": run.monitor or "",
        "comparable": run.has_probe,
        "created_at": formats.iso(run.created_at),
        "started_at": formats.iso(run.started_at),
        "ended_at": formats.iso(run.ended_at),
    }


def source_line(run: Run) -> str:
    """`owner/repository@1234567 · script.py`."""
    repo = safe.repo_label(run.spec.repo_url)
    return f"{repo}@{formats.short_sha(run.commit_sha)} · {run.spec.script_path}"


def status_word(run: Run) -> str:
    """The status, or `stopping` from the wish to stop until it is fulfilled."""
    if run.stop_requested_at and not run.status.is_terminal:
        return "stopping"
    return run.status.value


def row_note(run: Run) -> str:
    """What stands in place of the progress bar of a run that does not progress."""
    if run.status is RunStatus.FAILED:
        return run.failure.message if run.failure else "Failed"
    if run.status is RunStatus.STOPPED:
        return f"Stopped while {run.phase.value}"
    if run.status is RunStatus.SUCCEEDED:
        return _reached(run)
    if run.phase is RunPhase.QUEUED:
        return f"Number {run.queue_position} in the queue" if run.queue_position else "Waiting"
    return ""


def _reached(run: Run) -> str:
    progress = run.progress
    if progress is None or progress.epoch is None:
        return "Finished"
    epochs = epochs_of(progress).partition(" ")[0]
    return f"{epochs} epoch{'s' * (epochs != '1')}" + (
        f", {progress.step:,} steps" if progress.step else ""
    )
