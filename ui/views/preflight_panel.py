"""What is known about a submission before it starts, beside the form."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from repo_runner.errors import AppUnreachable, RunnerError
from repo_runner.models import Finding, Preflight, Submission
from ui.connection import client
from ui.views.fixes import fixes_for
from ui.views.form import PLACES
from ui.views.share import show_link
from ui.widgets import formats, safe
from ui.widgets.component import mount
from ui.widgets.facts import command_line, fact, show_facts
from ui.widgets.notice import button, notice, of_error, of_finding, show_notices


@dataclass(frozen=True)
class Check:
    """The outcome of checking one submission."""

    submission: Submission
    preflight: Preflight | None = None
    #: Notices of the panel, and those that belong at a field.
    general: tuple[dict[str, Any], ...] = ()
    at_fields: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    #: What the buttons of the notices change in the form, by their names.
    fixes: dict[str, dict[str, Any]] = field(default_factory=dict)
    #: Whether asking again may give another answer.
    passing: bool = False


def check(submission: Submission) -> Check | None:
    """Return what the app finds, asking again only when the submission has changed."""
    if not submission.link:
        return None
    last: Check | None = st.session_state.get("check")
    if last is None or last.submission != submission or last.passing:
        with st.spinner("Looking at the repository …"):
            last = _ask(submission)
        st.session_state["check"] = last
    return last


def show_panel(result: Check | None) -> str | None:
    """Show the findings and the exact command; return the button that was pressed."""
    if result is None:
        _invite()
        return None
    pressed = show_notices(result.general, key="findings")
    if result.at_fields and not result.general:
        show_notices([notice("info", "Mend the marked fields, then run.")], key="mend")
    if result.preflight and result.preflight.spec:
        _show_plan(result.preflight)
        show_link(result.submission, result.preflight.spec)
    return pressed


def sorted_findings(submission: Submission, preflight: Preflight) -> Check:
    """Put errors that name a field at their field and everything else into the panel."""
    at_fields: dict[str, list[dict[str, Any]]] = {}
    general = []
    fixes: dict[str, dict[str, Any]] = {}
    for finding in preflight.findings:
        item = _with_buttons(finding, preflight, submission, fixes)
        if finding.level == "error" and finding.field in PLACES:
            at_fields.setdefault(finding.field, []).append(item)
        else:
            general.append(item)
    return Check(submission, preflight, tuple(general), at_fields, fixes)


def _with_buttons(
    finding: Finding,
    preflight: Preflight,
    submission: Submission,
    fixes: dict[str, dict[str, Any]],
) -> dict[str, Any]:
    """Return the notice with a button a fix, and note in `fixes` what each changes."""
    offered = fixes_for(finding, preflight, submission)
    fixes |= {fix.label: fix.changes for fix in offered}
    return {**of_finding(finding), "buttons": [button(fix.label) for fix in offered]}


def _ask(submission: Submission) -> Check:
    try:
        return sorted_findings(submission, client().preflight(submission))
    except RunnerError as error:
        if error.error_code == AppUnreachable.code:
            return Check(submission, passing=True)  # said by `watch_app`
        if error.field in PLACES:
            return Check(submission, at_fields={error.field: [of_error(error)]})
        return Check(submission, general=(of_error(error),), passing=True)


def _invite() -> None:
    text = (
        "Paste a link. The commit, the script, the dependency files and the exact command "
        "appear here before anything starts."
    )
    empty = {"title": "Nothing to check yet", "text": text}
    mount("rr-curves", {"groups": [], "empty": empty}, key="invite")


def _show_plan(preflight: Preflight) -> None:
    spec = preflight.spec
    assert spec is not None  # the caller's condition
    commit = safe.commit_url(spec.repo_url, spec.commit_sha)
    files = spec.dependency_file or ", ".join(preflight.dependency_files)
    show_facts(
        "What will run",
        [
            fact(
                "Repository",
                safe.repo_label(spec.repo_url),
                "link",
                link=safe.web_url(spec.repo_url),
            ),
            fact("Commit", formats.short_sha(spec.commit_sha), "link", link=commit),
            fact("Script", spec.script_path),
            fact("Dependencies", files or "no dependency file: the app's defaults"),
            fact("Python", spec.python or preflight.python or "the app's own version"),
            fact("Command", command_line(spec), "code"),
        ],
        key="plan",
    )
