from __future__ import annotations

from typing import Any

import pytest
import streamlit as st

from ui.widgets.delivery import session_began
from ui.widgets.hearing import hear, news_of


@pytest.fixture(autouse=True)
def session(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    state: dict[str, Any] = {}
    monkeypatch.setattr(st, "session_state", state)
    return state


def said(number: int, name: str, value: Any, update: int | None = None) -> list[Any]:
    return [number, session_began() if update is None else update, name, value]


def test_what_is_said_in_every_request_is_heard_once() -> None:
    heard: list[Any] = []
    first, second = said(1, "stream", "build"), said(2, "search", "nan")
    hear("log", [first], {"stream": heard.append})
    hear("log", [first], {"stream": heard.append})
    assert news_of("log") == {"stream": "build"}
    hear("log", [first, second], {"stream": heard.append})
    assert news_of("log") == {"search": "nan"}
    assert news_of("log") == {}
    assert heard == ["build"]


def test_what_was_said_before_a_page_was_interrupted_waits_for_the_next() -> None:
    hear("log", [said(1, "stream", "build")], {})
    hear("log", [said(1, "stream", "build"), said(2, "at", "7")], {})
    assert news_of("log") == {"stream": "build", "at": "7"}


def test_each_element_counts_for_itself() -> None:
    hear("log", [said(5, "stream", "build")], {})
    hear("runs", [said(4, "sort", "name")], {})
    assert news_of("runs") == {"sort": "name"}


def test_what_answers_an_earlier_session_is_not_done_again() -> None:
    hear("runs", [said(1, "act", "delete", update=session_began() - 1)], {})
    assert news_of("runs") == {}
