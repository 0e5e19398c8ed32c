"""Elements of the form beyond Streamlit's own: these write the words of a repository as text, never as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ui.widgets.component import mount, nothing

#: So many are buttons of their own; the list holds all.
SHOWN = 3


def show_picks(
    label: str, groups: Mapping[str, Sequence[str]], value: str, *, key: str
) -> str | None:
    """Offer what was found, by group, and return what a person has picked."""
    filled = [{"title": title, "options": list(found)} for title, found in groups.items() if found]
    if not filled:
        return None
    data = {"label": label, "groups": filled, "value": value, "shown": SHOWN}
    picked = mount("rr-picks", data, key=key, on_event={"pick": nothing}).get("pick")
    return str(picked) if picked else None


def show_variables(
    rows: Sequence[Mapping[str, Any]], edits: int, offered: Sequence[str], *, key: str
) -> tuple[int, list[Mapping[str, Any]]] | None:
    """Show a row a variable; return what a person has made of them since, and the number of that edit."""
    data = {"rows": list(rows), "edits": edits, "offered": list(offered)}
    edit = mount("rr-variables", data, key=key, on_event={"edit": nothing}).get("edit")
    is_news = edit and int(edit["edits"]) > edits
    return (int(edit["edits"]), list(edit["rows"])) if is_news else None


def show_fields(
    title: str,
    note: str,
    fields: Sequence[Mapping[str, Any]],
    edits: int,
    *,
    key: str,
    subcommands: Sequence[str] = (),
    subcommand: str = "",
) -> list[tuple[str, str]]:
    """Show one field an argument, and return the names and values of those that a person has changed since `edits`.

    Above them the subcommands, if there are any; the one that a person picks has no name.
    """
    picker = {"options": list(subcommands), "value": subcommand}
    data = {"title": title, "note": note, "fields": list(fields), "picker": picker, "edits": edits}
    sent = mount("rr-arguments", data, key=key, on_event={"edit": nothing}).get("edit") or []
    return [(str(one["name"]), str(one["value"])) for one in sent if int(one["number"]) > edits]
