"""Pages without a server: the fake client answers, and what would be shown is recorded."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Callable, Mapping
from itertools import count
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from repo_runner.access.person import Person, Role
from tests.unit.ui.fake_client import FakeClient


class Screen:
    """What the elements were given in the last pass, and where the page wanted to go."""

    def __init__(self) -> None:
        self.shown: dict[str, Any] = {}
        self.elements: dict[str, str] = {}
        #: What the elements will have sent, by key.
        self.events: dict[str, dict[str, Any]] = {}
        self.gone_to: list[tuple[str, dict[str, str]]] = []
        self._numbers = count(1)

    def mount(self, *, key: str, data: list[Any], **_callbacks: Any) -> Mapping[str, Any]:
        self.elements[key], self.shown[key] = data
        said = self.events.pop(key, {})
        return {"events": [[next(self._numbers), sys.maxsize, *one] for one in said.items()]}

    def switch_page(self, page: str, query_params: dict[str, str]) -> None:
        self.gone_to.append((page, query_params))
        st.stop()


@pytest.fixture(autouse=True)
def main_module(monkeypatch: pytest.MonkeyPatch) -> None:
    """Streamlit puts the page in its place, where multiprocessing looks for it later."""
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])


@pytest.fixture
def app() -> FakeClient:
    return FakeClient()


@pytest.fixture(autouse=True)
def person(monkeypatch: pytest.MonkeyPatch) -> Callable[[Person], None]:
    """The pages are an operator's, until a test says whose."""

    def belong_to(whoever: Person) -> None:
        monkeypatch.setattr("ui.person._find", lambda: whoever)

    belong_to(Person("ada", Role.OPERATOR))
    return belong_to


@pytest.fixture
def screen(app: FakeClient, monkeypatch: pytest.MonkeyPatch) -> Screen:
    screen = Screen()
    names: defaultdict[str, str] = _Names()
    monkeypatch.setattr("ui.connection._connect", lambda: app)
    monkeypatch.setattr("ui.widgets.component._stub", lambda: screen.mount)
    monkeypatch.setattr("ui.widgets.component.update_of", lambda _key, name, data: [name, data])
    monkeypatch.setattr("ui.navigation._pages", names)
    monkeypatch.setattr("ui.navigation.st.switch_page", screen.switch_page)
    return screen


@pytest.fixture
def draw(screen: Screen) -> Callable[..., AppTest]:
    """Draw a view by its module's name, with a query in its address."""

    def draw_view(name: str, **query: str) -> AppTest:
        test = AppTest.from_function(_view, args=(name,), default_timeout=20)
        for key, value in query.items():
            test.query_params[key] = value
        test.run()
        assert not test.exception, test.exception
        return test

    return draw_view


class _Names(defaultdict[str, str]):
    def __missing__(self, name: str) -> str:
        return name


def _view(name: str) -> None:
    import importlib

    from ui.views import form

    form.keep(is_shown=name == "new_run")
    importlib.import_module(f"ui.views.{name}").render()
