"""New run: a link, a script, arguments, requirements; what is wrong is said at the field before anything starts."""

from __future__ import annotations

import uuid

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from repo_runner.errors import AppUnreachable, RunnerError
from repo_runner.failure_codes import FAILURE_CODES
from repo_runner.models import Preflight, Submission
from ui.connection import client
from ui.navigation import open_run
from ui.person import may_submit
from ui.views import form, limit_fields
from ui.views.argument_line import fields, with_value
from ui.views.placement import choose_backend
from ui.views.preflight_panel import Check, check, show_panel
from ui.views.presence import watch_app
from ui.widgets.fields import show_fields, show_picks
from ui.widgets.notice import of_error, show_notices

keep_form = form.keep
ARGUMENTS_NOTE = (
    "Read from its source. Only what you change goes into the line above, which has the last word."
)

#: Where the sentence about a field goes, by field; under "" what concerns no field.
Places = dict[str, DeltaGenerator]
_CLUSTER_LABELS = {"nodes": "Nodes", "custom": "Resources of the cluster", "labels": "Labels"}


def render() -> None:
    """Draw the form beside what is known about it."""
    form.fill_from_address()
    watch_app()
    st.title("New run", anchor=False)
    left, right = st.columns([3, 2], gap="large")
    with left, st.container(key="form"):
        places, pressed = _form()
    result: Check | None = st.session_state.get("check")
    try:
        submission = form.submission()
    except RunnerError as error:
        _show_errors(places, error)
        _offer(places, result)
        return
    refusal = _submit(submission) if pressed else None
    if refusal and not _is_known(refusal, submission, result):
        _show_errors(places, refusal)
        _offer(places, result)
        return
    with right:
        result = check(submission)
        pressed_fix = show_panel(result)
    _offer(places, result)
    _mend(result, _show_findings(places, result) or pressed_fix)


def _form() -> tuple[Places, bool]:
    places: Places = {}
    _text(places, "link", "GitHub link")
    two = st.columns([3, 2])
    with two[0]:
        _text(places, "script_path", "Script")
    with two[1]:
        _text(places, "ref", "Ref")
    _text(places, "script_args", "Script arguments")
    places["fields"] = st.container()
    _text(places, "requirements", "Requirements", lines=True)
    needs_token = _asks_for_token()
    with st.expander("More: name, Python version, variables, private repository", needs_token):
        _more(places)
    with st.expander("Limits: resources, what ends a run early, retries, priority"):
        _limits(places)
    refusal = None if may_submit() else "Your role only lets you look. Ask an operator of this app."
    pressed = st.button("Run", type="primary", key="submit", disabled=bool(refusal), help=refusal)
    places[""] = st.container()
    form.note_drawn()
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
    _text(places, "secret_refs", "Secrets of the operator", lines=True)
    st.selectbox("Sandbox", form.SANDBOXES, key="sandbox", format_func=form.SANDBOXES.__getitem__)
    places["sandbox"] = st.container()
    if choose_backend():
        three = st.columns(3)
        for column, (key, label) in zip(three, _CLUSTER_LABELS.items(), strict=True):
            with column:
                _text(places, key, label)
    st.toggle("Fetch submodules", key="submodules")
    st.toggle("Fetch files in Git LFS", key="lfs")


def _limits(places: Places) -> None:
    st.caption("A run waits until what it holds is free. Empty: no limit.")
    for group in (limit_fields.HELD, limit_fields.ENDS):
        for column, (field, (label, _)) in zip(st.columns(4), group.items(), strict=True):
            with column:
                _text(places, field, label)
    st.toggle(
        "Stop a run that is silent for so long, instead of flagging it",
        key=limit_fields.STOP_WHEN_SILENT,
    )
    one, rest = st.columns([1, 3])
    with one:
        _text(places, "retries.times", "Retries")
    with rest:
        st.multiselect(
            "Only after",
            sorted(FAILURE_CODES),
            key=limit_fields.RETRY_ON,
            placeholder="the codes of failures that another attempt may mend",
        )
        places[limit_fields.RETRY_ON] = st.container()


def _asks_for_token() -> bool:
    last: Check | None = st.session_state.get("check")
    codes = {finding.code for finding in last.preflight.findings} if last and last.preflight else ()
    return "auth_required" in codes


def _offer(places: Places, result: Check | None) -> None:
    """Draw what the repository offers at the fields it is for."""
    found = result.preflight if result else None
    if found is None:
        return
    _offer_refs(places["ref"], found)
    _offer_files(places, found)
    if not found.arguments:
        return
    script = found.spec.script_path if found.spec else "the script"
    line = st.session_state.script_args
    with places["fields"]:
        rows = fields(found.arguments, line)
        edit = show_fields(f"Arguments of {script}", ARGUMENTS_NOTE, rows, key="arguments")
    if edit:
        form.change(script_args=with_value(line, found.arguments, *edit))


def _offer_refs(place: DeltaGenerator, found: Preflight) -> None:
    kinds = {"Branches": "branch", "Tags": "tag"}
    groups = {
        title: [ref.name for ref in found.refs if ref.kind == kind] for title, kind in kinds.items()
    }
    default = next((ref.name for ref in found.refs if ref.is_default), "")
    with place:
        asked = st.session_state.ref.strip() or default
        picked = show_picks("Branches and tags", groups, asked, key="pick-ref")
    if picked:
        form.change(ref=picked)


def _offer_files(places: Places, found: Preflight) -> None:
    script = found.spec.script_path if found.spec else st.session_state.script_path.strip()
    for field, title, names, chosen in (
        ("script_path", "Scripts", found.scripts, script),
        (
            "dependency_file",
            "Dependency files",
            found.dependency_files,
            st.session_state.dependency_file.strip(),
        ),
    ):
        with places[field]:
            picked = show_picks(title, {title: names}, chosen, key=f"pick-{field}")
        if picked:
            form.change(**{field: picked})


def _submit(submission: Submission) -> RunnerError | None:
    """Submit and leave for the run's page, or return why it was refused."""
    try:
        run = client().submit(submission, idempotency_key=_idempotency_key(submission))
    except RunnerError as error:
        return error
    del st.session_state["sending"]
    return open_run(run.run_id)


def _is_known(refusal: RunnerError, submission: Submission, result: Check | None) -> bool:
    """Whether the check of this submission has found the same, which it says with what mends it."""
    if result is None or result.submission != submission or result.preflight is None:
        return False
    return any(refusal.error_code == finding.code for finding in result.preflight.findings)


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


def _show_findings(places: Places, result: Check | None) -> str | None:
    """Show what is wrong at a field there, and return the button that was pressed."""
    pressed = None
    for field, items in (result.at_fields if result else {}).items():
        with places[field]:
            pressed = show_notices(items, key=f"error-{field}", compact=True) or pressed
    return pressed


def _mend(result: Check | None, pressed: str | None) -> None:
    if result and pressed in result.fixes:
        form.change(**result.fixes[pressed])
