"""New run: a link, a script, arguments, requirements; what is wrong is said at the field before anything starts."""

from __future__ import annotations

import uuid

import streamlit as st

from repo_runner.errors import AppUnreachable, AuthRequired, RunnerError
from repo_runner.models import Preflight, Submission
from ui.connection import client
from ui.navigation import open_run
from ui.views import form
from ui.views.form_layout import Places, draw_form, open_folds
from ui.views.offers import show_offers
from ui.views.preflight_panel import Check, check, show_panel
from ui.views.presence import watch_app
from ui.widgets.notice import of_error, show_notices

keep_form = form.keep


def render() -> None:
    """Draw the form beside what is known about it."""
    form.fill_from_address()
    watch_app()
    st.title("New run", anchor=False)
    left, right = st.columns([3, 2], gap="large")
    with left, st.container(key="form"):
        places, pressed = draw_form()
    result: Check | None = st.session_state.get("check")
    try:
        submission = form.submission()
    except RunnerError as error:
        show_offers(places, _found(result))
        open_folds(frozenset({_refuse(places, error)}))
        return
    refused = ""
    if pressed:
        show_offers(places, _found(result))  # which may bring an edit that belongs to it
        refusal = _submit(submission)
        if not _is_known(refusal, submission, result):
            refused = _refuse(places, refusal)
    with right:
        result = check(submission)
        pressed_fix = show_panel(result)
    if not pressed:
        show_offers(places, _found(result))
    _mend(result, _show_findings(places, result, refused) or pressed_fix)
    open_folds(_marked(result) | {refused})


def _found(result: Check | None) -> Preflight | None:
    return result.preflight if result else None


def _refuse(places: Places, error: RunnerError) -> str:
    """Say what was refused at its field, and return that."""
    field = error.field if error.field and error.field in places else ""
    if error.error_code != AppUnreachable.code:  # said by `watch_app`
        with places[field]:
            show_notices([of_error(error)], key=f"error-{field}", compact=bool(field))
    return field


def _submit(submission: Submission) -> RunnerError:
    """Submit and leave for the run's page, or return why it was refused."""
    try:
        form.require_all()
        run = client().submit(submission, idempotency_key=_idempotency_key(submission))
    except RunnerError as error:
        return error
    del st.session_state["sending"]
    form.forget_secrets()
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


def _marked(result: Check | None) -> frozenset[str]:
    """The fields that want a look: with an error, or with a value that has to be given again."""
    found = result.preflight.findings if result and result.preflight else ()
    marked = {finding.field or "" for finding in found if finding.level == "error"}
    asks = st.session_state.needs_token or any(one.code == AuthRequired.code for one in found)
    return frozenset(marked | ({"token"} if asks else set()))


def _show_findings(places: Places, result: Check | None, refused: str) -> str | None:
    """Show what is wrong at a field there, and return the button that was pressed."""
    pressed = None
    for field, items in (result.at_fields if result else {}).items():
        if field == refused:
            continue  # said already
        with places[field]:
            pressed = show_notices(items, key=f"error-{field}", compact=True) or pressed
    return pressed


def _mend(result: Check | None, pressed: str | None) -> None:
    if result and pressed in result.fixes:
        form.change(**result.fixes[pressed])
