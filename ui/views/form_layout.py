"""The fields of the form as they stand on the page; values and meaning are in `form`."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from repo_runner.failure_codes import FAILURE_CODES
from repo_runner.settings import Settings
from ui.person import may_submit
from ui.views import form, limit_fields
from ui.views.placement import choose_backend
from ui.views.variables import edited, shown
from ui.widgets.fields import show_variables

#: Where the sentence about a field goes, by field; under "" what concerns no field.
Places = dict[str, DeltaGenerator]
_CLUSTER_LABELS = {"nodes": "Nodes", "custom": "Resources of the cluster", "labels": "Labels"}
_IN_MORE = frozenset(("name", "dependency_file", "python", "token", "sandbox", *_CLUSTER_LABELS))
_IN_LIMITS = frozenset(limit_fields.EMPTY)
_AGAIN = (
    "The access token of that run is sealed: nobody can look it up. Write it again if it is needed."
)


def draw_form() -> tuple[Places, bool]:
    """Draw all fields; whether Run was pressed."""
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
    places["declared"] = st.container()
    _variables(places)
    opened: frozenset[str] = st.session_state.get("opened_folds", frozenset())
    with st.expander(_more_label(), "more" in opened):
        _more(places)
    with st.expander(
        "Limits: resources, what ends a run early, retries, priority", "limits" in opened
    ):
        _limits(places)
    refusal = None if may_submit() else "Your role only lets you look. Ask an operator of this app."
    pressed = st.button("Run", type="primary", key="submit", disabled=bool(refusal), help=refusal)
    places[""] = st.container()
    form.note_drawn()
    return places, pressed or st.session_state.pop("pressed_before", False)


def open_folds(marked: frozenset[str]) -> None:
    """Unfold what holds a marked field, in a new pass: folded away nobody would see it. What is open stays open."""
    opened: frozenset[str] = st.session_state.get("opened_folds", frozenset())
    folds = {"more": _IN_MORE, "limits": _IN_LIMITS}
    wanted = opened | {name for name, inside in folds.items() if inside & marked}
    if wanted != opened:
        st.session_state["opened_folds"] = wanted
        st.rerun()


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


def _variables(places: Places) -> None:
    rows, offered = st.session_state.variables, form.offered()
    edit = show_variables(
        shown(rows, offered), st.session_state.variable_edits, offered, key="variables-editor"
    )
    places["env"] = places["secret_refs"] = places["variables"] = st.container()
    if edit:
        form.change(variables=edited(rows, edit[1]), variable_edits=edit[0])


def _more_label() -> str:
    place = ", where it runs" if len(Settings.from_env().backends) > 1 else ""
    return f"More: name, Python version{place}, private repository, sandbox"


def _more(places: Places) -> None:
    two = st.columns(2)
    with two[0]:
        _text(places, "name", "Name")
        _text(places, "dependency_file", "Dependency file")
    with two[1]:
        _text(places, "python", "Python version")
        _text(places, "token", "Access token")
        if st.session_state.needs_token and not st.session_state.token:
            st.caption(_AGAIN)
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
