"""Disk that all runs share, and the buttons that give it back."""

from __future__ import annotations

import streamlit as st

from repo_runner.caches import Caches, TidyReport
from repo_runner.errors import RunnerError
from ui.connection import client
from ui.person import may_operate
from ui.widgets import formats
from ui.widgets.facts import Fact, fact, show_facts
from ui.widgets.notice import notice, of_error, show_errors, show_notices

_WORDS = {
    "environments": "Environments",
    "bytecode": "Compiled modules",
    "packages": "Packages",
    "repositories": "Repositories",
}


def show_storage() -> None:
    """Show the caches and what a person can do about them."""
    try:
        with st.spinner("Measuring the caches …"):
            caches = client().caches()
    except RunnerError as error:
        show_errors(error, key="caches-error")
        return
    show_facts("Caches", cache_facts(caches), key="caches")
    if not may_operate():
        return
    with st.container(horizontal=True):
        if st.button("Clean up", key="tidy", help=_limits(caches)):
            _tidy(everything=False)
            st.rerun()
        if st.button("Remove all unused …", key="ask-tidy-all", type="tertiary"):
            _confirm()
    if done := st.session_state.pop("tidied", None):
        show_notices([done], key="tidied")


def cache_facts(caches: Caches) -> list[Fact]:
    """Return the size of each, and of all beside their limit."""
    facts = [
        fact(_WORDS.get(one.name, one.name), _size(one.size_bytes, one.count))
        for one in caches.caches
    ]
    limited = sum(one.size_bytes for one in caches.caches if one.name != "repositories")
    label = f"{formats.size(limited)} of at most {formats.size(caches.max_bytes)}"
    meter = fact("Against the limit", limited / max(caches.max_bytes, 1), "meter", label=label)
    return [*facts, meter]


def verdict(done: TidyReport) -> dict[str, object]:
    """Say what a clean-up did."""
    if not done.removed and not done.bytes_freed:
        return notice("info", "There was nothing to remove.")
    gone = f"{done.removed} environment{'s' * (done.removed != 1)}"
    return notice("ok", f"{formats.size(done.bytes_freed)} are free again; {gone} removed.")


@st.dialog("Remove all unused environments?")
def _confirm() -> None:
    st.write(
        "Every environment that no run uses now is removed, with its packages. "
        "Runs, checkpoints and logs stay. The next run of a repository builds its environment anew."
    )
    if st.button("Remove all unused", key="tidy-all", type="primary"):
        _tidy(everything=True)
        st.rerun()


def _tidy(*, everything: bool) -> None:
    try:
        with st.spinner("Cleaning up …"):
            st.session_state["tidied"] = verdict(client().tidy(everything=everything))
    except RunnerError as error:
        st.session_state["tidied"] = of_error(error)


def _limits(caches: Caches) -> str:
    age = f"{caches.max_age_s / formats.DAY_S:g} days"
    return (
        f"Removes environments unused for {age}, then the longest unused ones until all caches "
        f"take at most {formats.size(caches.max_bytes)}."
    )


def _size(size_bytes: int, count: int | None) -> str:
    size = formats.size(size_bytes)
    return size if count is None else f"{count:,} · {size}"
