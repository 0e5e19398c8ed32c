"""What a session's elements were sent, so that only what changed since is sent again.

An update names the one it builds on. A browser that has not seen that one asks for everything (`resync`).
"""

from __future__ import annotations

import time
from itertools import count
from typing import Any

import streamlit as st

from ui.widgets.changes import change_of

#: They go on over a new start of the app, so that what an older page says is known as such.
_numbers = count(int(time.time() * 1000))


def session_began() -> int:
    """Return a number before all those of this session's updates."""
    began: int = st.session_state.setdefault("session_began", next(_numbers))
    return began


def begin_page() -> None:
    """A page that is drawn anew has new elements, which know nothing yet."""
    st.session_state["delivered"] = {}


def update_of(key: str, element: str, data: Any) -> list[Any]:
    """Return the element's name, this update's number, that of the one it builds on (None: on none), and its news."""
    delivered: dict[str, tuple[str, int, Any]] = st.session_state.setdefault("delivered", {})
    known = delivered.get(key)
    session_began()
    number = next(_numbers)
    delivered[key] = (element, number, data)
    if known is None or known[0] != element:
        return [element, number, None, data]
    return [element, number, known[1], change_of(known[2], data)]


def forget(key: str) -> None:
    """Send everything the next time."""
    st.session_state.get("delivered", {}).pop(key, None)
