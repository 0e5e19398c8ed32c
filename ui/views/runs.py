"""Runs: what runs and waits now on top, the ended ones below, page by page."""

from __future__ import annotations

from itertools import chain

import streamlit as st

from repo_runner.errors import RunnerError
from repo_runner.models import Run, RunPage, RunStatus
from ui.connection import client
from ui.navigation import go, open_run
from ui.views.bulk import confirm
from ui.widgets.notice import show_errors, show_notices
from ui.widgets.run_table import Wish, show_runs

PAGE_SIZE = 25
_FILTERS = {
    "All": None,
    "Running": RunStatus.RUNNING,
    "Pending": RunStatus.PENDING,
    "Succeeded": RunStatus.SUCCEEDED,
    "Failed": RunStatus.FAILED,
    "Stopped": RunStatus.STOPPED,
}


def render() -> None:
    """Draw the filters and the live tables."""
    with st.container(
        horizontal=True, vertical_alignment="bottom", horizontal_alignment="distribute"
    ):
        st.title("Runs", anchor=False)
        if st.button("New run", type="primary", key="new"):
            go("new")
    with st.container(horizontal=True, vertical_alignment="bottom", key="filters"):
        chosen = st.radio(
            "Status", list(_FILTERS), key="status", horizontal=True, on_change=_first_page
        )
        query = st.text_input(
            "Search", key="query", placeholder="name, repository or script", on_change=_first_page
        )
    if wish := st.session_state.pop("wish", None):
        confirm(wish)
    if refusals := st.session_state.pop("refusals", None):
        show_notices(refusals, key="refusals")
    st.session_state.setdefault("cursors", [])
    _live(_FILTERS[chosen or "All"], query.strip())


@st.fragment(run_every=1.0)
def _live(status: RunStatus | None, query: str) -> None:
    banner = st.container()
    try:
        sections, page = _load(status, query)
        st.session_state["runs_page"] = (sections, page)
    except RunnerError as error:
        with banner:
            show_errors(error, key="runs-error")
        if "runs_page" not in st.session_state:
            return
        sections, page = st.session_state["runs_page"]
    if wish := show_runs(sections, _empty(status, query)):
        _follow(wish)
    _pager(page)


def _follow(wish: Wish) -> None:
    if wish.verb == "open":
        open_run(wish.run_ids[0])
    if wish.verb == "compare":
        go("compare", {"runs": ",".join(wish.run_ids)})
    st.session_state["wish"] = wish
    st.rerun()  # a dialog belongs to the page: drawn here it would vanish with the next second


def _load(status: RunStatus | None, query: str) -> tuple[dict[str, list[Run]], RunPage]:
    """Return titled runs. On the first page of all runs the active ones come first, each run once."""
    cursors: list[str] = st.session_state["cursors"]
    api = client()
    page = api.list(
        status=status, q=query, limit=PAGE_SIZE, cursor=cursors[-1] if cursors else None
    )
    if status is not None:
        return {status.value.capitalize(): list(page.runs)}, page
    ended = [run for run in page.runs if run.status.is_terminal]
    if cursors:
        return {"Earlier": ended}, page
    running = api.list(status=RunStatus.RUNNING, q=query, limit=100).runs
    waiting = api.list(status=RunStatus.PENDING, q=query, limit=100).runs
    queue = sorted(waiting, key=lambda run: (run.queue_position or 0, run.created_at))
    return {"Now": list(chain(running, queue)), "Earlier": ended}, page


def _pager(page: RunPage) -> None:
    cursors: list[str] = st.session_state["cursors"]
    if not cursors and page.next_cursor is None:
        return
    older = page.next_cursor
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button("Newer", key="newer", disabled=not cursors, on_click=_newer)
        st.button("Older", key="older", disabled=older is None, on_click=_older, args=[older])
        st.caption(f"Page {len(cursors) + 1} · {page.total:,} runs")


def _empty(status: RunStatus | None, query: str) -> tuple[str, str]:
    if status or query:
        return "No run matches", "Choose another status or clear the search."
    return "No runs yet", "Paste a link to a repository on the New run page and press Run."


def _first_page() -> None:
    st.session_state["cursors"] = []


def _newer() -> None:
    st.session_state["cursors"].pop()


def _older(cursor: str) -> None:
    st.session_state["cursors"].append(cursor)
