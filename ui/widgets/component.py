"""Puts one of our elements (`browser/*.js` and `.css`) on the page and gives it data.

Streamlit's own table and charts need pandas and pyarrow (85 MB in this process) and redraw as a whole, which loses zoom
and scroll. Our elements take plain JSON, change only what changed, and write text as text.

The code of all elements is sent once, by `mount_library`; an update carries a few lines and what has changed.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from ui.widgets.delivery import forget, update_of
from ui.widgets.hearing import Listener, hear, news_of

_FOLDER = Path(__file__).parent / "browser"

#: `dom` first: the others use it. They share one module scope and one style sheet.
_ELEMENTS = (
    "dom", "bits", "notice", "heading", "facts", "picks", "arguments", "variables",
    "phases", "runs", "scales", "plot", "curves", "compare", "ansi", "log", "checkpoints", "board", "typing",
)  # fmt: skip  # one line a group

#: Sent with every update, so it is short.
_STUB = """export default ({ data, parentElement: p, setStateValue }) => {
  let e = p.querySelector(":scope > [data-element]");
  if (!e) (e = document.createElement(data[0])).dataset.element = "", p.append(e);
  e.tell = setStateValue;
  (e.inbox ??= []).push(data);
  e.refresh?.();
};"""


def mount_library() -> None:
    """Define the elements in the browser; once a page, outside of whatever updates itself."""
    with st.container(key="library"):
        _library()(key="library-code")


def mount(
    element: str,
    data: Mapping[str, Any],
    *,
    key: str,
    on_event: Mapping[str, Listener] | None = None,
) -> Mapping[str, Any]:
    """Show an element and return what it has said since the last time; `on_event` hears it before the page is drawn."""
    listeners: dict[str, Listener] = {"resync": lambda _: forget(key), **(on_event or {})}
    # A list: in a mapping Streamlit would look for data frames, and import pandas to know one.
    update = update_of(key, element, finite(data))
    sent: Mapping[str, Any] = _stub()(
        key=key,
        data=update,
        on_events_change=lambda: hear(key, st.session_state[key].get("events") or (), listeners),
    )
    hear(key, sent.get("events") or (), listeners)
    return news_of(key)


def nothing(_value: Any) -> None:
    """Listen only: the event is read from what `mount` returns."""


def finite(value: Any) -> Any:
    """Return the value with numbers that JSON cannot carry written as text."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(item) for item in value]
    return value


def library_source() -> str:
    """Return the one module that defines every element, the style sheet inside."""
    parts = [f"const STYLE = {json.dumps(_read('css'))};", _read("js")]
    return "\n".join([*parts, "export default () => {};"])


def _read(kind: str) -> str:
    files = (_FOLDER / f"{name}.{kind}" for name in _ELEMENTS)
    return "\n".join(file.read_text(encoding="utf-8") for file in files if file.exists())


@cache
def _library() -> Callable[..., Any]:
    return st.components.v2.component("rr_library", js=library_source(), isolate_styles=False)


@cache
def _stub() -> Callable[..., Any]:
    return st.components.v2.component("rr_element", js=_STUB, isolate_styles=False)
