"""The person whose page this is, and what they may do: the pages offer nothing else, the app's API enforces it."""

from __future__ import annotations

import streamlit as st

from repo_runner.access.gate import Gate
from repo_runner.access.person import Person, Role
from repo_runner.models import Run
from repo_runner.settings import Settings

_STRANGER = Person("", Role.VIEWER)


def person() -> Person:
    """Return who opened this page, by what their browser sent when it connected."""
    return _find()


def may_submit() -> bool:
    """Return whether this person may start runs."""
    return person().role.covers(Role.SUBMITTER)


def may_operate() -> bool:
    """Return whether this person may delete runs and clean up."""
    return person().role is Role.OPERATOR


def may_change(run: Run) -> bool:
    """Return whether this person may stop or resume a run."""
    return may_operate() or (may_submit() and run.spec.submitted_by == person().name)


def _find() -> Person:
    return _gate().by_browser(st.context.headers.get_all) or _STRANGER


@st.cache_resource(show_spinner=False)
def _gate() -> Gate:
    return Gate(Settings.from_env())
