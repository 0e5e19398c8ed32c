from __future__ import annotations

from collections.abc import Callable

from streamlit.testing.v1 import AppTest

from tests.unit.ui.conftest import Screen
from tests.unit.ui.fake_client import FakeClient

Draw = Callable[..., AppTest]


def test_runs_named_in_the_address_are_compared(draw: Draw, screen: Screen) -> None:
    page = draw("compare", runs="live,done0")
    assert page.multiselect("compared").value == ["live", "done0"]
    assert [run["run_id"] for run in screen.shown["differences"]["runs"]] == ["live", "done0"]
    assert not {"gone", "one-run"} & screen.shown.keys()


def test_nothing_chosen_invites(draw: Draw, screen: Screen) -> None:
    draw("compare")
    assert "Choose two" in screen.shown["invite"]["empty"]["title"]


def test_a_run_that_is_gone_is_said_and_the_others_are_compared(draw: Draw, screen: Screen) -> None:
    draw("compare", runs="live,never,done0")
    assert screen.shown["gone"]["items"][0]["text"] == "The run never is gone."
    assert [run["run_id"] for run in screen.shown["differences"]["runs"]] == ["live", "done0"]


def test_one_run_alone_is_shown_and_another_one_asked_for(draw: Draw, screen: Screen) -> None:
    draw("compare", runs="done0")
    assert "One more run" in screen.shown["one-run"]["items"][0]["text"]
    assert [run["run_id"] for run in screen.shown["differences"]["runs"]] == ["done0"]


def test_a_run_that_is_deleted_after_it_was_chosen_leaves_the_choice(
    draw: Draw, screen: Screen, app: FakeClient
) -> None:
    page = draw("compare", runs="live,done0")
    app.delete("done0")
    page.run()
    assert page.multiselect("compared").value == ["live"]
    assert screen.shown["gone"]["items"][0]["text"] == "The run done0 is gone."
