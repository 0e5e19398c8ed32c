"""System: is the app well, what is it made of, how full is the disk, and its live state."""

from __future__ import annotations

import streamlit as st

from repo_runner.errors import RunnerError
from repo_runner.models import Health
from ui.connection import client
from ui.widgets import formats
from ui.widgets.facts import Fact, fact, mapping_facts, show_facts, show_json
from ui.widgets.notice import notice, show_errors, show_notices

STATE_NOTE = (
    "The state Lightning shares between the app's processes: a small summary of each active run."
)


def render() -> None:
    """Draw the live page."""
    st.title("System", anchor=False)
    _live()


@st.fragment(run_every=2.0)
def _live() -> None:
    banner = st.container()
    try:
        st.session_state["system"] = (client().health(), client().state())
    except RunnerError as error:
        with banner:
            show_errors(error, key="system-error")
    else:
        with banner:
            show_notices(verdict(st.session_state["system"][0]), key="verdict")
    if "system" in st.session_state:
        _show(*st.session_state["system"])


def _show(health: Health, state: dict[str, object]) -> None:
    left, right = st.columns([1, 1], gap="medium")
    with left:
        show_facts("App", app_facts(health), key="app")
        show_facts("Versions", mapping_facts(health.versions), key="versions")
    with right:
        show_facts("Runs", run_facts(health), key="run-counts")
        show_json("App state", STATE_NOTE, state, key="state")


def verdict(health: Health) -> list[dict[str, object]]:
    """Return the app's own judgement."""
    if health.status == "ok" and not health.problems:
        return [notice("ok", "Everything works.")]
    problems = health.problems or ("The app reports that it is degraded.",)
    return [notice("warn", problem) for problem in problems]


def app_facts(health: Health) -> list[Fact]:
    """Return where the app lives and how full its disk is."""
    used = 1 - health.disk_free_bytes / max(health.disk_total_bytes, 1)
    free = f"{formats.size(health.disk_free_bytes)} free of {formats.size(health.disk_total_bytes)}"
    return [
        fact("Version", health.version),
        fact("Address", health.address, "copy"),
        fact("Started", formats.iso(health.started_at), "ago"),
        fact("Data folder", health.home, "copy"),
        fact("Disk", used, "meter", label=free),
    ]


def run_facts(health: Health) -> list[Fact]:
    """Return how many runs there are."""
    counts = health.runs_by_status
    limit = fact("At the same time", f"at most {health.max_running}")
    return [fact(name.capitalize(), f"{count:,}") for name, count in counts.items()] + [limit]
