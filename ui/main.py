"""The one entry: page settings, navigation, and the chosen view."""

from __future__ import annotations

import streamlit as st

from ui.navigation import add_page
from ui.views import compare, new_run, run_detail, runs, system
from ui.widgets.component import mount_library
from ui.widgets.delivery import begin_page
from ui.widgets.style import apply_page_style

TITLE = "Repo Runner"


def render() -> None:
    """Draw the page the address names."""
    st.set_page_config(
        page_title=TITLE, page_icon="📈", layout="wide", initial_sidebar_state="collapsed"
    )
    apply_page_style()
    begin_page()
    form = add_page("new", "New run", new_run.render)
    page = st.navigation(
        [
            form,
            add_page("runs", "Runs", runs.render),
            add_page("compare", "Compare", compare.render),
            add_page("system", "System", system.render),
            add_page("run", "Run", run_detail.render, hidden=True),
        ],
        position="top",
    )
    new_run.keep_form(is_shown=page is form)
    mount_library()
    page.run()
