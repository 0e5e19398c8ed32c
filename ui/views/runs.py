"""Runs: what runs and waits now on top, the ended ones below, page by page."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from repo_runner.errors import RunnerError
from repo_runner.models import RunPage, RunStatus
from ui.connection import client
from ui.navigation import go, open_run
from ui.person import may_submit
from ui.views.bulk import confirm
from ui.widgets.notice import show_errors, show_notices
from ui.widgets.run_table import Section, Wish, show_runs

PAGE_SIZE = 25
#: Of what runs and waits now; a longer queue is counted, and listed under its status.
MOST_ACTIVE = 60
ACTIVE = f"{RunStatus.RUNNING},{RunStatus.PENDING}"
_FILTERS = {
    "All": "",
    "Running": RunStatus.RUNNING,
    "Pending": RunStatus.PENDING,
    "Succeeded": RunStatus.SUCCEEDED,
    "Failed": RunStatus.FAILED,
    "Stopped": RunStatus.STOPPED,
}
NEWEST_FIRST = "-submitted"


@dataclass(frozen=True)
class Choice:
    """What of all runs a person wants to see."""

    status: str
    query: str
    repository: str
    sort: str

    @property
    def narrows(self) -> bool:
        """Whether there may be runs that are not shown."""
        return bool(self.status or self.query or self.repository)


def render() -> None:
    """Draw the filters and the live tables."""
    with st.container(
        horizontal=True, vertical_alignment="bottom", horizontal_alignment="distribute"
    ):
        st.title("Runs", anchor=False)
        if may_submit() and st.button("New run", type="primary", key="new"):
            go("new")
    choice = _choose()
    if wish := st.session_state.pop("wish", None):
        confirm(wish)
    if refusals := st.session_state.pop("refusals", None):
        show_notices(refusals, key="refusals")
    _live(choice)


def _choose() -> Choice:
    st.session_state.setdefault("cursors", [])
    if asked := st.session_state.pop("asked", None):
        st.session_state["query"] = asked  # only before the field is drawn
    with st.container(horizontal=True, vertical_alignment="bottom", key="filters"):
        status = st.radio(
            "Status", list(_FILTERS), key="status", horizontal=True, on_change=_first_page
        )
        query = st.text_input(
            "Search",
            key="query",
            placeholder="name, repository, commit, script, by:person",
            on_change=_first_page,
        )
    repository: str = st.session_state.get("repository", "")
    if repository:
        st.button(f"Only {repository}  ✕", key="any-repository", on_click=_any_repository)
    sort = st.session_state.get("sort", NEWEST_FIRST)
    return Choice(_FILTERS[status or "All"], query.strip(), repository, sort)


@st.fragment(run_every=1.0)
def _live(choice: Choice) -> None:
    banner = st.container()
    try:
        sections, page = _load(choice)
        st.session_state["runs_page"] = (sections, page)
    except RunnerError as error:
        with banner:
            show_errors(error, key="runs-error")
        if "runs_page" not in st.session_state:
            return
        sections, page = st.session_state["runs_page"]
    if wish := show_runs(sections, choice.sort, _empty(choice)):
        _follow(wish)
    _pager(page)


def _follow(wish: Wish) -> None:
    if wish.verb == "open":
        open_run(wish.words[0])
    if wish.verb == "compare":
        go("compare", {"runs": ",".join(wish.words)})
    if wish.verb in ("sort", "repository"):
        st.session_state[wish.verb] = wish.words[0]
        _first_page()
    elif wish.verb == "who":
        st.session_state["asked"] = f"by:{wish.words[0]}"
        _first_page()
    else:
        st.session_state["wish"] = wish
    st.rerun()  # a dialog belongs to the page: drawn here it would vanish with the next second


def _load(choice: Choice) -> tuple[list[Section], RunPage]:
    """Return titled tables. On the first page of all runs the active ones come first, each run once."""
    cursors: list[str] = st.session_state["cursors"]
    asked = {"q": choice.query, "repository": choice.repository}
    page = client().list(
        status=choice.status,
        sort=choice.sort,
        limit=PAGE_SIZE,
        cursor=cursors[-1] if cursors else None,
        **asked,
    )
    if choice.status:
        return [Section(choice.status.capitalize(), page.runs)], page
    earlier = Section("Earlier", [run for run in page.runs if run.status.is_terminal])
    if cursors:
        return [earlier], page
    now = client().list(status=ACTIVE, sort="submitted", limit=MOST_ACTIVE, **asked)
    return [_now(now), earlier], page


def _now(page: RunPage) -> Section:
    """What runs, then what waits in the order in which it will begin."""
    order = sorted(page.runs, key=lambda run: (run.queue_position or 0, run.created_at))
    more = page.total - len(page.runs)
    return Section("Now", order, f"{more:,} more wait" if more > 0 else "")


def _pager(page: RunPage) -> None:
    cursors: list[str] = st.session_state["cursors"]
    if not cursors and page.next_cursor is None:
        return
    following = page.next_cursor
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button("Previous", key="previous", disabled=not cursors, on_click=_previous)
        st.button("Next", key="next", disabled=following is None, on_click=_next, args=[following])
        total = f"{page.total:,}" if page.is_total_exact else f"more than {page.total:,}"
        st.caption(f"Page {len(cursors) + 1} · {total} runs")


def _empty(choice: Choice) -> tuple[str, str]:
    if choice.narrows:
        return "No run matches", "Choose another status or clear the search."
    return "No runs yet", "Paste a link to a repository on the New run page and press Run."


def _any_repository() -> None:
    st.session_state["repository"] = ""
    _first_page()


def _first_page() -> None:
    st.session_state["cursors"] = []


def _previous() -> None:
    st.session_state["cursors"].pop()


def _next(cursor: str) -> None:
    st.session_state["cursors"].append(cursor)
