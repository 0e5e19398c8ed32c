"""The tables of the Runs page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from repo_runner.models import Run, RunPhase, RunStatus
from ui.person import may_change, may_operate
from ui.widgets import formats, safe
from ui.widgets.component import mount, nothing
from ui.widgets.phase_bar import epochs_of, fraction_of


@dataclass(frozen=True)
class Wish:
    """What a person has asked for.

    To `open` a run; to `compare`, `stop` or `delete` the selected ones; to `sort`; to see one `repository`,
    or the runs of one person (`who`).
    """

    verb: str
    #: Ids of runs, or the order or repository asked for.
    words: tuple[str, ...]


@dataclass(frozen=True)
class Section:
    """A titled table."""

    title: str
    runs: Sequence[Run]
    #: What of it is not shown.
    note: str = ""


def show_runs(sections: Sequence[Section], sort: str, empty: tuple[str, str]) -> Wish | None:
    """Show titled tables of runs and return what a person has asked for."""
    data = {
        "sections": [
            {"title": one.title, "note": one.note, "rows": [row_data(run) for run in one.runs]}
            for one in sections
        ],
        "sort": sort,
        "empty": {"title": empty[0], "text": empty[1]},
    }
    heard = ("open", "act", "sort", "repository", "who")
    sent = mount("rr-runs", data, key="runs", on_event=dict.fromkeys(heard, nothing))
    if act := sent.get("act"):
        return Wish(str(act["verb"]), tuple(str(run_id) for run_id in act["runs"]))
    for verb in heard:
        if word := sent.get(verb):
            return Wish(verb, (str(word),))
    return None


def row_data(run: Run) -> dict[str, Any]:
    """Return one row."""
    return {
        "run_id": run.run_id,
        "name": run.name,
        "repository": safe.repo_label(run.spec.repo_url),
        "commit": formats.short_sha(run.commit_sha),
        "script": run.spec.script_path,
        "by": run.spec.submitted_by,
        "status": status_word(run),
        "phase": run.phase.value.capitalize(),
        "fraction": fraction_of(run, run.phase),
        "eta": formats.eta(run.progress.eta_s) if run.progress else "",
        "note": row_note(run),
        "best": formats.number(run.best_model_score) if run.best_model_score is not None else "",
        "monitor": run.monitor or "",
        "spark": list(run.sparkline.values) if run.sparkline else [],
        "curve": run.sparkline.name if run.sparkline else "",
        "comparable": run.has_probe,
        "may_stop": may_change(run),
        "may_delete": may_operate(),
        "created_at": formats.iso(run.created_at),
        "started_at": formats.iso(run.started_at),
        "ended_at": formats.iso(run.ended_at),
    }


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
