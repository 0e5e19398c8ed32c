from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from repo_runner.errors import Conflict
from tests.unit.ui.conftest import Screen
from tests.unit.ui.fake_client import FakeClient

Draw = Callable[..., AppTest]
Dialog = Callable[[str, str], AppTest]


@pytest.fixture
def dialog(screen: Screen) -> Dialog:
    """Open a dialog of a run: Streamlit's test runs whole pages, in which a dialog closes."""

    def open_dialog(name: str, run_id: str) -> AppTest:
        return AppTest.from_function(_page, args=(name, run_id)).run()

    return open_dialog


def _page(name: str, run_id: str) -> None:
    from ui.connection import client
    from ui.views import run_actions

    getattr(run_actions, name)(client().get(run_id))


def test_a_live_run_shows_progress_curves_log_and_checkpoint(draw: Draw, screen: Screen) -> None:
    draw("run_detail", run_id="live")
    assert screen.shown["heading"]["status"] == "running"
    assert screen.shown["phases"]["line"].startswith("Epoch")
    assert [group["name"] for group in screen.shown["curves"]["groups"]][:2] == ["acc", "loss"]
    assert screen.shown["log"]["lines"][0][1] == "Seed set to 1"
    assert screen.shown["checkpoints"]["best"]["download"].endswith("/runs/live/checkpoints/best")
    facts = {fact["name"]: fact["value"] for fact in screen.shown["configuration"]["facts"]}
    assert facts["Command"].endswith("--tag 'two words'")
    assert facts["Variables"] == "SEED"


def test_a_failed_run_says_why_on_top(draw: Draw, screen: Screen) -> None:
    page = draw("run_detail", run_id="failed1")
    (card,) = screen.shown["failure"]["items"]
    assert "einops" in card["text"]
    assert card["lines"][-1].startswith("ModuleNotFoundError")
    assert list(screen.shown)[:3] == ["heading", "failure", "phases"]
    assert "curves" not in screen.shown
    assert not [button for button in page.button if button.key == "ask-stop"]


def test_the_installers_log_is_shown_while_it_works(draw: Draw, screen: Screen) -> None:
    draw("run_detail", run_id="building")
    assert screen.shown["log"]["stream"] == "build"


def test_an_unknown_run_is_said_and_leads_back(draw: Draw, screen: Screen) -> None:
    page = draw("run_detail", run_id="zzz")
    assert screen.shown["missing"]["items"][0]["code"] == "run_not_found"
    page.button("all-runs").click().run()
    assert screen.gone_to == [("runs", {})]


def test_stop_and_delete_ask_first(draw: Draw, app: FakeClient) -> None:
    draw("run_detail", run_id="live").button("ask-stop").click().run()
    draw("run_detail", run_id="done0").button("delete").click().run()
    assert not app.stopped
    assert not app.deleted


def test_the_confirmed_stop_is_sent(dialog: Dialog, app: FakeClient) -> None:
    dialog("_confirm_stop", "live").button("stop").click().run()
    assert list(app.stopped) == ["live"]


def test_the_confirmed_deletion_leaves_the_page(
    dialog: Dialog, screen: Screen, app: FakeClient
) -> None:
    dialog("_confirm_delete", "done0").button("delete-now").click().run()
    assert app.deleted == {"done0"}
    assert screen.gone_to == [("runs", {})]


def test_a_refusal_is_shown(draw: Draw, screen: Screen) -> None:
    page = draw("run_detail", run_id="done0")
    page.session_state["refusal"] = Conflict("The run has ended.")
    page.run()
    assert screen.shown["refusal"]["items"][0]["text"] == "The run has ended."


def test_edit_and_run_fills_the_form(draw: Draw, screen: Screen) -> None:
    page = draw("run_detail", run_id="done0")
    page.button("again").click().run()
    assert screen.gone_to == [("new", {})]
    assert page.session_state["script_args"] == "--max_epochs 40 --lr 1e-3 --tag 'two words'"
    (variable,) = page.session_state["variables"]
    assert (variable.name, variable.value) == ("SEED", "1")


def test_while_the_app_is_away_the_last_moment_stays(
    draw: Draw, screen: Screen, app: FakeClient, tmp_path
) -> None:
    page = draw("run_detail", run_id="live")
    app.away = tmp_path
    screen.shown.clear()
    page.run()
    assert screen.shown["run-error"]["items"][0]["level"] == "wait"
    assert screen.shown["heading"]["status"] == "running"


def test_without_a_run_in_the_address_the_table_opens(draw: Draw, screen: Screen) -> None:
    draw("run_detail")
    assert screen.gone_to == [("runs", {})]
