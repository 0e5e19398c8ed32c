"""Compare: the curves of several runs over each other, and what they differ in."""

from __future__ import annotations

import contextlib

import streamlit as st

from repo_runner.errors import RunnerError, RunNotFound
from repo_runner.models import Run
from repo_runner.run_environment import RunEnvironment
from ui.connection import client
from ui.navigation import open_run
from ui.widgets import formats
from ui.widgets.comparison import Curves, show_comparison
from ui.widgets.component import mount, nothing
from ui.widgets.notice import notice, show_errors, show_notices

MAX_RUNS = 6
#: Recent runs that are offered; others can be named in the address.
OFFERED = 100
LIVE_EVERY_S = 2.0


def render() -> None:
    """Draw the choice and the comparison."""
    st.title("Compare", anchor=False)
    try:
        named, gone = _find(_named())
        show_notices([_lost(run_id) for run_id in gone], key="gone")
        chosen = _choose(named)
        runs = [client().get(run_id) for run_id in chosen]
    except RunnerError as error:
        show_errors(error, key="compare-error")
        return
    if len(runs) == 1:
        show_notices([notice("info", "One more run, and there is a comparison.")], key="one-run")
    if not runs:
        text = (
            "Their curves are drawn over each other and their settings listed, differences first."
        )
        empty = {"title": f"Choose two to {MAX_RUNS} runs", "text": text}
        mount("rr-curves", {"groups": [], "empty": empty}, key="invite")
        return
    changing = any(not run.status.is_terminal for run in runs)
    st.fragment(_live, run_every=LIVE_EVERY_S if changing else None)(chosen)


def _named() -> list[str]:
    """Return the runs that the address names, each once."""
    names = dict.fromkeys(st.query_params.get("runs", "").split(","))
    return [run_id for run_id in names if run_id][:MAX_RUNS]


def _find(run_ids: list[str]) -> tuple[dict[str, Run], list[str]]:
    """Return those that are there, and the names of those that are gone: the others are compared all the same."""
    found, gone = {}, []
    for run_id in run_ids:
        try:
            found[run_id] = client().get(run_id)
        except RunNotFound:
            gone.append(run_id)
    return found, gone


def _lost(run_id: str) -> dict[str, object]:
    return notice("warn", f"The run {run_id} is gone.", "It was deleted. The others are compared.")


def _choose(named: dict[str, Run]) -> list[str]:
    """Ask for runs, at first those the address names."""
    offered = {run.run_id: run for run in client().list(limit=OFFERED).runs if run.has_probe}
    offered |= named
    if st.session_state.get("compared_from") != [*named] or "compared" not in st.session_state:
        st.session_state["compared"] = [*named]
        st.session_state["compared_from"] = [*named]
    # One that was deleted since it was chosen is no choice any more.
    if not offered.keys() >= set(st.session_state.compared):
        st.session_state["compared"] = [one for one in st.session_state.compared if one in offered]
    return st.multiselect(
        "Runs",
        list(offered),
        format_func=lambda run_id: _label(offered[run_id]),
        key="compared",
        max_selections=MAX_RUNS,
        placeholder="Choose runs",
    )


def _live(run_ids: list[str]) -> None:
    banner = st.container()
    try:
        st.session_state["compared_runs"] = _load(run_ids)
    except RunnerError as error:
        with banner:
            show_errors(error, key="compare-live-error")
    curves: Curves = st.session_state.get("compared_runs", ())
    if opened := show_comparison(curves, _environments(curves), on_open=nothing):
        open_run(opened)


def _load(run_ids: list[str]) -> Curves:
    api = client()
    return [(api.get(run_id), api.metrics(run_id, max_points=300)) for run_id in run_ids]


def _environments(curves: Curves) -> dict[str, RunEnvironment]:
    """An environment is never changed, so each is asked for once a session."""
    known: dict[str, RunEnvironment] = st.session_state.setdefault("compared_environments", {})
    with contextlib.suppress(RunnerError):  # said above; asked again with the next look
        for run, _ in curves:
            if run.environment_key and run.environment_key not in known:
                known[run.environment_key] = client().environment(run.run_id)
    return {
        run.run_id: known[run.environment_key] for run, _ in curves if run.environment_key in known
    }


def _label(run: Run) -> str:
    score = f", {run.monitor} {formats.number(run.best_model_score)}" if run.monitor else ""
    return f"{run.name} ({run.status.value}{score})"
