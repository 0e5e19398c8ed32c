"""What a person does at an element, each once and in order.

Streamlit forgets a component's trigger when another request overtakes it, and on a busy machine the next second's
update always does. So an element keeps the last things it has said as state, which every later request carries.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import streamlit as st

from ui.widgets.delivery import session_began

Listener = Callable[[Any], None]


def hear(key: str, said: Sequence[Sequence[Any]], listeners: Mapping[str, Listener]) -> None:
    """Take in what is new: each thing has a number, the update it answers, a name and a value.

    What answers an update of an earlier session was heard there: a browser that finds the app again says it once more.
    """
    heard: dict[str, int] = st.session_state.setdefault("heard", {})
    for number, update, name, value in said:
        if number <= heard.get(key, 0) or update < session_began():
            continue
        heard[key] = number
        news: dict[str, Any] = st.session_state.setdefault("news", {}).setdefault(key, {})
        news.pop(name, None)
        news[name] = value
        if name in listeners:
            listeners[name](value)


def news_of(key: str) -> Mapping[str, Any]:
    """Return what was heard since the last time, in order; of one name the last."""
    news: Mapping[str, Any] = st.session_state.get("news", {}).pop(key, {})
    return news
