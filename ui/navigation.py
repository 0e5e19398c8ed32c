"""The way from one page to another."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NoReturn

import streamlit as st
from streamlit.navigation.page import StreamlitPage

#: Pages by their name in the address; the same for all sessions, so one dictionary serves them.
_pages: dict[str, StreamlitPage] = {}


def add_page(
    name: str, title: str, view: Callable[[], None], *, hidden: bool = False
) -> StreamlitPage:
    """Make a page known under its name; the first one is what opens when no page is named.

    No icons: Streamlit would ask a foreign host for the favicon.
    """
    page = st.Page(
        view,
        title=title,
        url_path=name,
        default=not _pages or next(iter(_pages)) == name,
        visibility="hidden" if hidden else "visible",
    )
    _pages[name] = page
    return page


def go(name: str, query: Mapping[str, str] | None = None) -> NoReturn:
    """Leave the present page for another one."""
    st.switch_page(_pages[name], query_params=dict(query or {}))
    raise AssertionError("switch_page does not return")


def open_run(run_id: str) -> NoReturn:
    """Go to the page of a run."""
    go("run", {"run_id": run_id})
