from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from repo_runner.board_status import BoardStatus
from tests.unit.ui.conftest import Screen
from tests.unit.ui.fake_client import FakeClient
from ui.views.board import board_data

Draw = Callable[..., AppTest]


@pytest.fixture
def page(draw: Draw) -> AppTest:
    """The page of an ended run, its second tab chosen."""
    page = draw("run_detail", run_id="done0")
    page.session_state["tab"] = "TensorBoard"
    return page.run()


def test_looking_at_it_starts_it(page: AppTest, screen: Screen, app: FakeClient) -> None:
    assert screen.shown["board"]["state"] == "starting"
    assert list(app.boards) == ["done0"]
    app.boards["done0"] = BoardStatus(state="ready", address="http://127.0.0.1:9/secret/")
    page.run()
    assert screen.shown["board"]["address"] == "http://127.0.0.1:9/secret/"


def test_what_ended_is_started_again_only_when_asked(
    page: AppTest, screen: Screen, app: FakeClient
) -> None:
    app.boards.clear()
    page.run()
    assert screen.shown["board"]["state"] == "off"
    assert not app.boards
    screen.events["board"] = {"open": True}
    page.run()
    assert list(app.boards) == ["done0"]


def test_it_can_be_closed(page: AppTest, screen: Screen, app: FakeClient) -> None:
    screen.events["board"] = {"close": True}
    page.run()
    assert not app.boards


def test_a_failure_is_said_with_its_lines(page: AppTest, screen: Screen, app: FakeClient) -> None:
    app.boards["done0"] = BoardStatus(state="failed", message="It did not start.", lines=("why",))
    page.run()
    assert screen.shown["board-failed"]["items"][0]["lines"] == ["why"]
    assert screen.shown["board"]["state"] == "off"


def test_only_an_address_of_the_web_is_framed() -> None:
    status = BoardStatus(state="ready", address="javascript:alert(1)")
    assert board_data(status)["address"] == ""
