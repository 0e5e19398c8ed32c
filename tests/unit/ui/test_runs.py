from __future__ import annotations

from collections.abc import Callable

from streamlit.testing.v1 import AppTest

from repo_runner.models import RunPhase
from tests.unit.ui import fake_runs as fake
from tests.unit.ui.conftest import Screen
from tests.unit.ui.fake_client import IMPORT_FAILURE, FakeClient
from ui.widgets.run_table import row_data

Draw = Callable[..., AppTest]


def test_what_runs_is_on_top_and_what_waits_follows_in_order(draw: Draw, screen: Screen) -> None:
    draw("runs")
    now, earlier = screen.shown["runs"]["sections"]
    assert [row["run_id"] for row in now["rows"]] == ["live", "building", "wait1", "wait2"]
    assert now["rows"][2]["note"] == "Number 1 in the queue"
    assert all(row["status"] in ("succeeded", "failed", "stopped") for row in earlier["rows"])


def test_a_status_filter_and_a_search_narrow_the_table(draw: Draw, screen: Screen) -> None:
    page = draw("runs")
    page.radio("status").set_value("Failed").run()
    (section,) = screen.shown["runs"]["sections"]
    assert {row["status"] for row in section["rows"]} == {"failed"}
    page.text_input("query").set_value("nothing like this").run()
    assert not screen.shown["runs"]["sections"][0]["rows"]
    assert screen.shown["runs"]["empty"]["title"] == "No run matches"


def test_further_runs_are_a_page_away(draw: Draw, screen: Screen) -> None:
    page = draw("runs")
    page.button("next").click().run()
    (section,) = screen.shown["runs"]["sections"]
    assert section["title"] == "Earlier"
    page.button("previous").click().run()
    assert [section["title"] for section in screen.shown["runs"]["sections"]] == ["Now", "Earlier"]


def test_a_click_on_a_column_sorts_by_it_and_begins_with_its_first_page(
    draw: Draw, screen: Screen
) -> None:
    page = draw("runs")
    page.button("next").click().run()
    screen.events["runs"] = {"sort": "name"}
    page.run()
    assert screen.shown["runs"]["sort"] == "name"
    now, earlier = screen.shown["runs"]["sections"]
    assert now["rows"][0]["run_id"] == "live"
    names = [row["name"] for row in earlier["rows"]]
    assert names == sorted(names)


def test_a_click_on_a_repository_shows_its_runs_only_until_it_is_taken_back(
    draw: Draw, screen: Screen
) -> None:
    screen.events["runs"] = {"repository": "acme/other"}
    page = draw("runs")
    assert screen.shown["runs"]["empty"]["title"] == "No run matches"
    page.button("any-repository").click().run()
    assert any(section["rows"] for section in screen.shown["runs"]["sections"])


def test_a_click_opens_the_run(draw: Draw, screen: Screen) -> None:
    screen.events["runs"] = {"open": "live"}
    draw("runs")
    assert screen.gone_to == [("run", {"run_id": "live"})]


def test_selected_runs_are_compared(draw: Draw, screen: Screen) -> None:
    screen.events["runs"] = {"act": {"verb": "compare", "runs": ["live", "done0"]}}
    draw("runs")
    assert screen.gone_to == [("compare", {"runs": "live,done0"})]


def test_deleting_several_asks_first_and_names_what_is_lost(
    draw: Draw, screen: Screen, app: FakeClient
) -> None:
    screen.events["runs"] = {"act": {"verb": "delete", "runs": ["done0", "failed1"]}}
    draw("runs")
    assert not app.deleted
    losses = {fact["name"]: fact["value"] for fact in screen.shown["losses"]["facts"]}
    assert "checkpoints · best val_acc" in losses["digits/lr sweep 0"]


def _dialog(verb: str, run_ids: tuple[str, ...]) -> None:
    from ui.views import bulk
    from ui.widgets.run_table import Wish

    bulk.confirm(Wish(verb, run_ids))


def test_the_confirmed_deletion_is_sent_for_each(screen: Screen, app: FakeClient) -> None:
    page = AppTest.from_function(_dialog, args=("delete", ("done0", "failed1"))).run()
    page.button("delete-all").click().run()
    assert app.deleted == {"done0", "failed1"}


def test_the_confirmed_stop_is_sent_for_each(screen: Screen, app: FakeClient) -> None:
    page = AppTest.from_function(_dialog, args=("stop", ("live", "building"))).run()
    page.button("stop-all").click().run()
    assert list(app.stopped) == ["live", "building"]


def test_while_the_app_is_away_the_last_table_stays(
    draw: Draw, screen: Screen, app: FakeClient, tmp_path
) -> None:
    page = draw("runs")
    app.away = tmp_path
    screen.shown.clear()
    page.run()
    assert screen.shown["runs-error"]["items"][0]["level"] == "wait"
    assert screen.shown["runs"]["sections"][0]["rows"]


def test_a_failed_run_says_why_in_its_row() -> None:
    run = fake.failed("r", fake.moment(), RunPhase.TRAINING, IMPORT_FAILURE)
    assert row_data(run)["note"] == IMPORT_FAILURE.message
