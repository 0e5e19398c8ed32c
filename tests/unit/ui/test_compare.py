from __future__ import annotations

from collections.abc import Callable

from streamlit.testing.v1 import AppTest

from tests.unit.ui.conftest import Screen

Draw = Callable[..., AppTest]


def test_runs_named_in_the_address_are_compared(draw: Draw, screen: Screen) -> None:
    page = draw("compare", runs="live,done0")
    assert page.multiselect("compared").value == ["live", "done0"]
    assert [run["run_id"] for run in screen.shown["differences"]["runs"]] == ["live", "done0"]


def test_nothing_chosen_invites(draw: Draw, screen: Screen) -> None:
    draw("compare")
    assert "Choose two" in screen.shown["invite"]["empty"]["title"]
