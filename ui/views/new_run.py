"""New run: a link, a script, arguments, requirements; what is wrong is said at the field before anything starts."""

from __future__ import annotations

import uuid

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from repo_runner.errors import AppUnreachable, RunnerError
from repo_runner.models import Submission
from ui.connection import client
from ui.navigation import open_run
from ui.views import form
from ui.views.preflight_panel import Check, check, show_panel
from ui.views.presence import watch_app
from ui.widgets.notice import of_error, show_notices

keep_form = form.keep

#: Where the sentence about a field goes, by field; under "" what concerns no field.
Places = dict[str, DeltaGenerator]


def render() -> None:
    """Draw the form beside what is known about it."""
    form.fill_from_address()
    watch_app()
    st.title("New run", anchor=False)
    left, right = st.columns([3, 2], gap="large")
    with left:
        places, pressed = _form()
    try:
        submission = form.submission()
    except RunnerError as error:
        _show_errors(places, error)
        return
    if pressed and (refusal := _submit(submission)):
        _show_errors(places, refusal)
        return
    with right:
        result = check(submission)
        show_panel(result)
    _show_findings(places, result)


def _form() -> tuple[Places, bool]:
    places: Places = {}
    _text(places, "link", "GitHub link")
    two = st.columns([3, 2])
    with two[0]:
        _text(places, "script_path", "Script")
        _script_picker()
    with two[1]:
        _text(places, "ref", "Ref")
    _text(places, "script_args", "Script arguments")
    _text(places, "requirements", "Requirements", lines=True)
    with st.expander("More: name, Python version, variables, private repository"):
        _more(places)
    pressed = st.button("Run", type="primary", key="submit")
    places[""] = st.container()
    return places, pressed


def _text(places: Places, key: str, label: str, lines: bool = False) -> None:
    hint = form.HINTS[key]
    if lines:
        st.text_area(label, key=key, placeholder=hint, height=92)
    elif key == "token":
        st.text_input(
            label, key=key, placeholder=hint, type="password", autocomplete="new-password"
        )
    else:
        st.text_input(label, key=key, placeholder=hint, autocomplete="off")
    places[key] = st.container()


def _more(places: Places) -> None:
    two = st.columns(2)
    with two[0]:
        _text(places, "name", "Name")
        _text(places, "dependency_file", "Dependency file")
    with two[1]:
        _text(places, "python", "Python version")
        _text(places, "token", "Access token")
    _text(places, "env", "Variables", lines=True)
    st.checkbox("Fetch submodules", key="submodules")


def _script_picker() -> None:
    """Offer the scripts that the last check has found."""
    last: Check | None = st.session_state.get("check")
    scripts = list(last.preflight.scripts[:50]) if last and last.preflight else []
    if scripts and not st.session_state.script_path:
        # Not pills or buttons: those read Markdown in file names.
        st.selectbox(
            "Found in the repository",
            scripts,
            index=None,
            placeholder="Choose a script",
            key="picked",
            on_change=form.pick_script,
        )


def _submit(submission: Submission) -> RunnerError | None:
    """Submit and leave for the run's page, or return why it was refused."""
    try:
        run = client().submit(submission, idempotency_key=_idempotency_key(submission))
    except RunnerError as error:
        return error
    del st.session_state["sending"]
    return open_run(run.run_id)


def _idempotency_key(submission: Submission) -> str:
    """Return the same key for the same submission until it is accepted: an answer may get lost, a run never doubles."""
    last: tuple[Submission | None, str] = st.session_state.get("sending", (None, ""))
    sent, key = last
    if sent != submission:
        key = uuid.uuid4().hex
        st.session_state["sending"] = (submission, key)
    return key


def _show_errors(places: Places, error: RunnerError) -> None:
    if error.error_code == AppUnreachable.code:
        return  # said by `watch_app`
    field = error.field if error.field in places else ""
    with places[field or ""]:
        show_notices([of_error(error)], key=f"error-{field}", compact=bool(field))


def _show_findings(places: Places, result: Check | None) -> None:
    for field, items in (result.at_fields if result else {}).items():
        with places[field]:
            show_notices(items, key=f"error-{field}", compact=True)
