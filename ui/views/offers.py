"""What the repository offers for the form, drawn at the fields it is for."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from repo_runner.models import Preflight
from ui.views import form
from ui.views.argument_line import fields, subcommand_of, with_subcommand, with_value
from ui.views.form_layout import Places
from ui.widgets.facts import fact, show_facts
from ui.widgets.fields import show_fields, show_picks

ARGUMENTS_NOTE = (
    "Read from its source. Only what you change goes into the line above, which has the last word."
)

#: Versions that Lightning runs on; another one can be written.
PYTHONS = ("3.11", "3.12", "3.13", "3.10", "3.9")
SUBCOMMANDS_NOTE = "Choose what the script is to do: its arguments follow."


def show_offers(places: Places, found: Preflight | None) -> None:
    """Draw what a preflight has found."""
    if found is None:
        return
    _offer_refs(places["ref"], found)
    _offer_scripts(places["script_path"], found)
    _offer_dependencies(places["declared"], found)
    _offer_pythons(places["python"])
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


def _offer_scripts(place: DeltaGenerator, found: Preflight) -> None:
    chosen = found.spec.script_path if found.spec else st.session_state.script_path.strip()
    with place:
        groups = {"Scripts": found.scripts}
        picked = show_picks("Scripts", groups, chosen, key="pick-script_path")
    if picked:
        form.change(script_path=picked)


def _offer_dependencies(place: DeltaGenerator, found: Preflight) -> None:
    """The files that could say what is needed, and what the honoured ones say."""
    lines: dict[str, list[str]] = {}
    for file, line in found.declared:
        lines.setdefault(file, []).append(line)
    chosen = st.session_state.dependency_file.strip() or next(iter(lines), "")
    with place:
        groups = {"Dependency files": found.dependency_files}
        picked = show_picks("Dependency files", groups, chosen, key="pick-dependency_file")
        if lines:
            facts = [fact(file or "defaults", "\n".join(of), "code") for file, of in lines.items()]
            show_facts(_declared(lines), facts, key="declared", folded=True)
    if picked:
        form.change(dependency_file=picked)


def _offer_pythons(place: DeltaGenerator) -> None:
    with place:
        asked = st.session_state.python.strip()
        picked = show_picks("Python versions", {"Python": PYTHONS}, asked, key="pick-python")
    if picked:
        form.change(python=picked)


def _declared(lines: dict[str, list[str]]) -> str:
    count = sum(map(len, lines.values()))
    things = f"{count} requirement{'s' * (count != 1)}"
    files = ", ".join(file for file in lines if file)
    if not files:
        return f"The repository has none: {things} by default"
    return f"The repository asks for {things}: {files}"


def _offer_arguments(place: DeltaGenerator, found: Preflight) -> None:
    if not found.arguments and not found.subcommands:
        return
    script = found.spec.script_path if found.spec else "the script"
    line, names = st.session_state.script_args, found.subcommands
    chosen = subcommand_of(line, found.arguments, names)
    taken = st.session_state.argument_edits
    with place:
        edits = show_fields(
            f"Arguments of {script}",
            ARGUMENTS_NOTE if chosen or not names else SUBCOMMANDS_NOTE,
            fields(found.arguments, line, names),
            taken,
            subcommands=names,
            subcommand=chosen,
            key="arguments",
        )

    def edited(other: str) -> str:
        for name, value in edits:
            if name:
                other = with_value(other, found.arguments, name, value, names)
            else:
                other = with_subcommand(other, found.arguments, names, value)
        return other

    if edits:
        form.change(
            {"script_args": edited}, script_args=edited(line), argument_edits=taken + len(edits)
        )
