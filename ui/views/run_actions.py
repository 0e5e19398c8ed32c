"""What a person can do with a run: stop, resume, run again, delete."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from repo_runner.errors import RunnerError
from repo_runner.models import Run, RunPhase, RunStatus
from ui.connection import client
from ui.navigation import go
from ui.person import may_change, may_operate, may_submit
from ui.views.run_again import edit_and_run, run_again
from ui.widgets.notice import show_errors


def show_actions(run: Run | None) -> None:
    """Show the way back, and the buttons that make sense for this run."""
    with st.container(horizontal=True, vertical_alignment="center", key="actions"):
        if st.button("← Runs", key="back", type="tertiary"):
            go("runs")
        st.space("stretch")
        if run is not None:
            _buttons(run)
    if refusal := st.session_state.pop("refusal", None):
        show_errors(refusal, key="refusal")


def _buttons(run: Run) -> None:
    if not run.status.is_terminal and may_change(run):
        _stop(run)
    if run.status in {RunStatus.STOPPED, RunStatus.FAILED} and may_change(run):
        st.button(resume_word(run), key="resume", on_click=resume, args=[run])
    if run.has_probe and st.button("Compare", key="compare"):
        go("compare", {"runs": run.run_id})
    if may_submit():
        _again(run)
    if run.status.is_terminal and may_operate() and st.button("Delete", key="delete"):
        _confirm_delete(run)


def _again(run: Run) -> None:
    if run.status.is_terminal and st.button("Run again", key="run-again", help="The same, anew"):
        run_again(run.spec, run.name)
    if st.button("Edit and run", key="again"):
        edit_and_run(run.spec, run.name)


def _stop(run: Run) -> None:
    if run.stop_requested_at:
        st.button("Stopping …", key="stopping", disabled=True)
    elif st.button("Stop", key="ask-stop"):
        _confirm_stop(run)


@st.dialog("Stop this run?")
def _confirm_stop(run: Run) -> None:
    st.text(run.name)
    st.write("The script is asked to end and may save first. A stopped run can be resumed.")
    if st.button("Stop this run", key="stop", type="primary"):
        _ask(lambda: client().stop(run.run_id))
        st.rerun()


@st.dialog("Delete this run?")
def _confirm_delete(run: Run) -> None:
    st.text(run.name)
    st.write("Its log, its curves and all its checkpoints are lost. Nothing brings them back.")
    if st.button("Delete for good", key="delete-now", type="primary"):
        if _ask(lambda: client().delete(run.run_id)):
            go("runs")
        st.rerun()


def resume(run: Run) -> None:
    """Queue a new attempt."""
    _ask(lambda: client().resume(run.run_id))


def resume_word(run: Run) -> str:
    """Say what a new attempt does: it goes on from a checkpoint, or begins anew."""
    return "Resume" if run.has_probe and run.phase is RunPhase.TRAINING else "Try again"


def _ask(verb: Callable[[], object]) -> bool:
    """Do it and return True, or remember why the app refused, to be shown by the next pass."""
    try:
        verb()
    except RunnerError as error:
        st.session_state["refusal"] = error
        return False
    return True
