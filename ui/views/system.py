"""System: is the app well, what is it made of, how full is the disk, and its live state."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

import streamlit as st

from repo_runner.errors import RunnerError
from repo_runner.models import Health, Run
from repo_runner.settings import Settings
from ui.connection import client
from ui.views.cluster import show_cluster
from ui.views.storage import show_storage
from ui.widgets import formats
from ui.widgets.facts import SANDBOXES, Fact, fact, mapping_facts, show_facts, show_json
from ui.widgets.notice import notice, show_errors, show_notices

QUEUE_SHOWN = 20
STATE_NOTE = (
    "The state Lightning shares between the app's processes: a small summary of each active run."
)
CONTROL_GROUP = "in a control group (cgroup v2) of their own: none can escape"
NO_CONTROL_GROUP = "found by their marks: cgroup v2 is not delegated to the app, or switched off"


def render() -> None:
    """Draw the live part, and below it what changes only by a person."""
    st.title("System", anchor=False)
    _live()
    left, right = st.columns([1, 1], gap="medium")
    with right:
        show_facts("Settings in force", settings_facts(Settings.from_env()), key="settings")
    with left:
        show_storage()
        show_cluster()
    _live_state()


@st.fragment(run_every=2.0)
def _live() -> None:
    banner = st.container()
    try:
        active = client().list(status="running,pending", limit=QUEUE_SHOWN).runs
        st.session_state["system"] = (client().health(), active)
    except RunnerError as error:
        with banner:
            show_errors(error, key="system-error")
    else:
        with banner:
            show_notices(verdict(st.session_state["system"][0]), key="verdict")
    if "system" in st.session_state:
        _show(*st.session_state["system"])


@st.fragment(run_every=2.0)
def _live_state() -> None:
    with contextlib.suppress(RunnerError):  # said above
        st.session_state["app_state"] = client().state()
    if "app_state" in st.session_state:
        show_json("App state", STATE_NOTE, st.session_state["app_state"], key="state")


def _show(health: Health, active: Sequence[Run]) -> None:
    left, right = st.columns([1, 1], gap="medium")
    with left:
        show_facts("App", app_facts(health), key="app")
        show_facts("Versions", mapping_facts(health.versions), key="versions")
    with right:
        show_facts("Runs", run_facts(health), key="run-counts")
        if active:
            show_facts("Now and next", queue_facts(active), key="queue")


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
        *_backup_facts(health),
        fact("Sandbox of a run", SANDBOXES[health.sandbox]),
        *(
            fact(f"Sandbox {state.level}", f"not available: {state.problem}")
            for state in health.sandboxes
            if state.problem
        ),
        fact("Processes of a run", CONTROL_GROUP if health.control_groups else NO_CONTROL_GROUP),
        fact("Disk", used, "meter", label=free),
    ]


def _backup_facts(health: Health) -> list[Fact]:
    """Say how old the last good copy of the database is, and how it is put back: not by a page of the app it stops."""
    if health.last_backup_at is None:
        return [fact("Last backup", "none yet")]
    return [
        fact("Last backup", formats.iso(health.last_backup_at), "ago"),
        fact("To restore it", "python -m repo_runner restore", "copy"),
    ]


def queue_facts(active: Sequence[Run]) -> list[Fact]:
    """Return what trains, then what waits in its order."""
    order = sorted(active, key=lambda run: (run.queue_position or 0, run.created_at))
    return [
        fact(
            run.name,
            f"number {run.queue_position} in the queue" if run.queue_position else run.phase.value,
        )
        for run in order
    ]


def settings_facts(settings: Settings) -> list[Fact]:
    """Return what the operator can set, as it is now; never a token."""
    return [
        fact("Runs on", ", ".join(settings.backends)),
        fact("Runs at a time", settings.max_running),
        fact("Hosts", ", ".join(settings.allowed_hosts)),
        fact("Tokens for", ", ".join(settings.git_tokens) or "no host"),
        fact("Python", settings.default_python or "the app's own version"),
        fact("Default packages", ", ".join(settings.default_requirements)),
        fact("Repository", f"at most {formats.size(settings.max_repo_bytes)}"),
        fact("Log of a run", f"at most {formats.size(settings.max_log_bytes)}"),
        fact("Caches", f"at most {formats.size(settings.max_cache_bytes)}"),
        fact("Unused environments", f"go after {settings.max_cache_age_s / formats.DAY_S:g} days"),
        fact("Free disk", f"at least {formats.size(settings.min_free_bytes)}"),
        fact("Build", f"at most {formats.duration(settings.build_timeout_s)}"),
        fact("Time to save at a stop", formats.duration(settings.stop_grace_s)),
    ]


def run_facts(health: Health) -> list[Fact]:
    """Return how many runs there are."""
    counts = health.runs_by_status
    limit = fact("At the same time", f"at most {health.max_running}")
    return [fact(name.capitalize(), f"{count:,}") for name, count in counts.items()] + [limit]
