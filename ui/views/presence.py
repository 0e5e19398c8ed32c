"""Whether the app answers, watched on pages that do not update themselves."""

from __future__ import annotations

import streamlit as st

from repo_runner.errors import RunnerError
from ui.connection import client
from ui.widgets.notice import show_errors

LOOK_EVERY_S = 3.0


@st.fragment(run_every=LOOK_EVERY_S)
def watch_app() -> None:
    """Say that the app is away; draw the page anew when it is back."""
    try:
        client().health()
    except RunnerError as error:
        st.session_state["away"] = True
        show_errors(error, key="away")
        return
    if st.session_state.pop("away", False):
        st.rerun()
