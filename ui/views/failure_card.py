"""Why a run failed, and the buttons that mend it."""

from __future__ import annotations

import contextlib

import streamlit as st

from repo_runner.errors import RunnerError
from repo_runner.models import Run, Submission
from ui.connection import client
from ui.navigation import go
from ui.person import may_change, may_operate, may_submit
from ui.views.remedies import Remedy, remedies
from ui.views.run_actions import resume, resume_word
from ui.views.run_again import edit_and_run, run_again
from ui.widgets.notice import button, of_failure, show_notices

#: Passing causes: the very same may succeed.
_AGAIN = frozenset(
    "supervisor_lost interrupted script_killed rank_lost host_unreachable index_unreachable "
    "clone_timeout build_timeout timeout fetch_failed".split()
)


def show_failure(run: Run) -> None:
    """Show the cause on top of a failed run; the first button is what most probably helps."""
    if run.failure is None:
        return
    found = remedies(run, _scripts(run)) if may_submit() else []
    card = {**of_failure(run.failure), "buttons": buttons(run, found)}
    pressed = show_notices([card], key="failure")
    match pressed:
        case None:
            return
        case "resume":
            resume(run)
            st.rerun()
        case "tidy":
            go("system")
        case "edit":
            edit_and_run(run.spec, run.name)
        case _:
            chosen = next((one for one in found if one.label == pressed), None)
            if chosen:
                run_again(chosen.spec, run.name)


def buttons(run: Run, found: list[Remedy]) -> list[dict[str, object]]:
    """Return the buttons of the card, for a person who may use them."""
    if not may_submit():
        return []
    code = run.failure.error_code if run.failure else ""
    offered = [(one.label, one.label) for one in found]
    if code in _AGAIN and may_change(run):
        offered.append((resume_word(run), "resume"))
    if code == "disk_full" and may_operate():
        offered.append(("Look at the disk", "tidy"))
    offered.append(("Edit and run", "edit"))
    return [button(label, main=not i, name=name) for i, (label, name) in enumerate(offered)]


def _scripts(run: Run) -> tuple[str, ...]:
    """What the repository has at this commit, asked for once where the script is not there."""
    if run.failure is None or run.failure.error_code != "script_not_found":
        return ()
    known: dict[str, tuple[str, ...]] = st.session_state.setdefault("scripts_of", {})
    if run.run_id not in known:
        asked = Submission(
            link=run.spec.repo_url, ref=run.commit_sha, script_path=run.spec.script_path
        )
        with contextlib.suppress(RunnerError):  # the card says what is known anyway
            known[run.run_id] = client().preflight(asked).scripts
    return known.get(run.run_id, ())
