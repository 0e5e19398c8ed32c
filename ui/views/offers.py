"""What the repository offers for the form, drawn at the fields it is for."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from repo_runner.models import Preflight
from ui.views import form
from ui.views.argument_line import fields, with_value
from ui.views.form_layout import Places
from ui.widgets.fields import show_fields, show_picks

ARGUMENTS_NOTE = (
    "Read from its source. Only what you change goes into the line above, which has the last word."
)


def show_offers(places: Places, found: Preflight | None) -> None:
    """Draw what a preflight has found."""
    if found is None:
        return
    _offer_refs(places["ref"], found)
    _offer_files(places, found)
    _offer_arguments(places["fields"], found)


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


def _offer_arguments(place: DeltaGenerator, found: Preflight) -> None:
    if not found.arguments:
        return
    script = found.spec.script_path if found.spec else "the script"
    line = st.session_state.script_args
    with place:
        rows = fields(found.arguments, line)
        edit = show_fields(f"Arguments of {script}", ARGUMENTS_NOTE, rows, key="arguments")
    if edit:
        form.change(script_args=with_value(line, found.arguments, *edit))
