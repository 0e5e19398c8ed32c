"""Stop or delete several runs: asked first, with the names of the runs and what is lost."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from repo_runner.errors import RunnerError
from repo_runner.models import Run
from ui.connection import client
from ui.widgets import formats
from ui.widgets.facts import Fact, fact, show_facts
from ui.widgets.notice import of_error, show_errors
from ui.widgets.run_table import Wish


def confirm(wish: Wish) -> None:
    """Open the dialog that a wish needs."""
    if wish.verb == "delete":
        _confirm_delete(wish.words)
    elif wish.verb == "stop":
        _confirm_stop(wish.words)


@st.dialog("Stop these runs?")
def _confirm_stop(run_ids: tuple[str, ...]) -> None:
    runs = _load(run_ids)
    show_facts(
        _counted(len(runs), "run"), [fact(run.name, _state(run)) for run in runs], key="stops"
    )
    st.write("Each script is asked to end and may save first. A stopped run can be resumed.")
    if runs and st.button(f"Stop {_counted(len(runs), 'run')}", key="stop-all", type="primary"):
        _each(runs, client().stop)
        st.rerun()


@st.dialog("Delete these runs?")
def _confirm_delete(run_ids: tuple[str, ...]) -> None:
    runs = _load(run_ids)
    losses, lost_bytes = _losses(runs)
    show_facts(_counted(len(runs), "run"), losses, key="losses")
    st.write(
        "Their logs, their curves and all their checkpoints are lost"
        f" ({formats.size(lost_bytes)} of checkpoints). Nothing brings them back."
    )
    label = f"Delete {_counted(len(runs), 'run')} for good"
    if runs and st.button(label, key="delete-all", type="primary"):
        _each(runs, client().delete)
        st.rerun()


def _load(run_ids: tuple[str, ...]) -> list[Run]:
    try:
        return [client().get(run_id) for run_id in run_ids]
    except RunnerError as error:
        show_errors(error, key="bulk-error")
        return []


def _losses(runs: list[Run]) -> tuple[list[Fact], int]:
    """Return one line a run with what goes with it, and the bytes of all checkpoints."""
    facts, total = [], 0
    for run in runs:
        try:
            sizes = [one.size_bytes for one in client().checkpoints(run.run_id)]
        except RunnerError:
            sizes = []
        best = formats.number(run.best_model_score)
        score = f"best {run.monitor} {best}" if run.best_model_score is not None else ""
        kept = _counted(len(sizes), "checkpoint") if sizes else "no checkpoint"
        facts.append(fact(run.name, " · ".join(part for part in (kept, score) if part)))
        total += sum(sizes)
    return facts, total


def _state(run: Run) -> str:
    return f"{run.status.value}, {run.phase.value}"


def _each(runs: list[Run], verb: Callable[[str], object]) -> None:
    """Do it to every run; what is refused is said by the page."""
    refusals = []
    for run in runs:
        try:
            verb(run.run_id)
        except RunnerError as error:
            refusals.append({**of_error(error), "text": f"{run.name}: {error.message}"})
    st.session_state["refusals"] = refusals


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' * (count != 1)}"
