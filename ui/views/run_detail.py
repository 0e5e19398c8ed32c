"""Run: where it is, its curves, its log, its best checkpoint, and what it was asked to do."""

from __future__ import annotations

from functools import partial

import streamlit as st

from repo_runner.errors import RunnerError
from repo_runner.models import Run, RunStatus
from ui.connection import client
from ui.navigation import go
from ui.views.board import show_board
from ui.views.failure_card import show_failure
from ui.views.run_actions import show_actions
from ui.views.run_log import follow_wish, scroll
from ui.views.run_snapshot import Snapshot, load
from ui.widgets.charts import show_curves
from ui.widgets.checkpoint_card import show_checkpoints
from ui.widgets.environment_card import show_environment
from ui.widgets.facts import configuration, mapping_facts, show_facts, show_heading
from ui.widgets.log_view import Log, LogWish, show_log
from ui.widgets.notice import of_notes, show_errors, show_notices
from ui.widgets.phase_bar import show_phases
from ui.widgets.resource_charts import show_resources

LIVE_EVERY_S = 1.0
BOARD = "TensorBoard"
TABS = ("Overview", BOARD)


def render() -> None:
    """Draw the run the address names; it is asked for anew only while it can change."""
    run_id = st.query_params.get("run_id", "")
    try:
        run: Run | None = client().get(run_id) if run_id else None
    except RunnerError as error:
        if error.error_code != "app_unreachable":
            _missing(error)
            return
        run = None
    if not run_id:
        go("runs")
    show_actions(run)
    tab = st.session_state.get("tab") or TABS[0]
    changing = run is None or not run.status.is_terminal or tab == BOARD
    st.fragment(_live, run_every=LIVE_EVERY_S if changing else None)(run_id, run, tab)


def _live(run_id: str, drawn: Run | None, tab: str) -> None:
    """Draw the run as it is now; `drawn` is what the rest of the page knows of it, `tab` what it is made for."""
    banner = st.container()
    try:
        snapshot = load(run_id)
    except RunnerError as error:
        with banner:
            show_errors(error, key="run-error")
        last: Snapshot | None = st.session_state.get("snapshot")
        if last is None or last.run.run_id != run_id:
            return
        snapshot = last
    else:
        st.session_state["snapshot"] = snapshot
        if drawn is None or snapshot.run.status.is_terminal != drawn.status.is_terminal:
            st.rerun()
    _show(snapshot, tab)


def _show(snapshot: Snapshot, tab: str) -> None:
    run = snapshot.run
    show_heading(run)
    with st.container():
        show_failure(run)
        show_notices(of_notes(run.notes), key="notes", compact=True)
    show_phases(run)
    chosen = st.segmented_control(
        "View", TABS, default=TABS[0], key="tab", label_visibility="collapsed"
    )
    if (chosen or TABS[0]) != tab:
        st.rerun()  # how often the page is drawn anew depends on it
    if tab == BOARD:
        show_board(run)
    else:
        _show_overview(snapshot)


def _show_overview(snapshot: Snapshot) -> None:
    run = snapshot.run
    left, right = st.columns([2, 1], gap="medium")
    with left:
        if snapshot.metrics or run.status not in (RunStatus.FAILED, RunStatus.STOPPED):
            show_curves(run, snapshot.metrics, snapshot.zoomed, on_zoom=_zoom)
        link = partial(client().log_url, run.run_id)
        if wishes := show_log(run, snapshot.log, link, on_scroll=scroll):
            _follow(run, snapshot.log, wishes)
        show_resources(snapshot.resources)
    with right:
        show_checkpoints(
            run, snapshot.checkpoints, lambda name: client().download_url(run.run_id, name)
        )
        show_facts("Configuration", configuration(run), key="configuration")
        if run.hparams:
            show_facts("Hyperparameters", mapping_facts(run.hparams), key="hparams")
        show_environment(snapshot.environment, client().lock_url(run.run_id))
        if run.trainer:
            show_facts("Trainer", mapping_facts(run.trainer), key="trainer", folded=True)


def _zoom(stretch: list[int]) -> None:
    """The next moment brings finer curves of the stretch the person has chosen."""
    st.session_state["zoom"] = stretch or None


def _follow(run: Run, log: Log, wishes: list[LogWish]) -> None:
    try:
        for wish in wishes:
            follow_wish(run.run_id, log.stream, wish)
    except RunnerError as error:
        show_errors(error, key="log-error")
    else:
        st.rerun()


def _missing(error: RunnerError) -> None:
    show_errors(error, key="missing")
    if st.button("All runs", key="all-runs"):
        go("runs")
