from __future__ import annotations

from collections.abc import Callable

from streamlit.testing.v1 import AppTest

from tests.unit.ui.conftest import Screen

Draw = Callable[..., AppTest]


def wish(page: AppTest, screen: Screen, **event: str) -> dict:
    screen.events["log"] = event
    page.run()
    return screen.shown["log"]


def test_the_log_of_the_phase_that_failed_is_unfolded(draw: Draw, screen: Screen) -> None:
    draw("run_detail", run_id="failed4")
    assert screen.shown["log"]["stream"] == "build"


def test_another_phase_is_unfolded_when_asked(draw: Draw, screen: Screen) -> None:
    log = wish(draw("run_detail", run_id="done0"), screen, stream="fetch")
    assert log["lines"][1][1] == "Updating files: 100 %"
    assert log["download"].endswith("/runs/done0/logs/fetch")


def test_the_whole_log_is_searched_by_the_app(draw: Draw, screen: Screen) -> None:
    page = draw("run_detail", run_id="done0")
    log = wish(page, screen, search="SEED")
    assert [match["text"] for match in log["found"]["matches"]] == ["Seed set to 1"]
    assert wish(page, screen, search="")["found"] is None


def test_all_that_is_asked_at_once_is_done_in_order(draw: Draw, screen: Screen) -> None:
    page = draw("run_detail", run_id="done0")
    log = wish(page, screen, stream="fetch", search="files", at="0")
    assert (log["stream"], log["query"], log["at"]) == ("fetch", "files", 0)
    assert [match["text"][-5:] for match in log["found"]["matches"]] == ["100 %"]


def test_what_is_looked_for_is_looked_for_in_the_next_log_too(draw: Draw, screen: Screen) -> None:
    page = draw("run_detail", run_id="done0")
    assert len(wish(page, screen, search="files")["found"]["matches"]) == 0
    assert len(wish(page, screen, stream="fetch")["found"]["matches"]) == 1


def test_a_match_leads_to_its_place_and_follow_back_to_the_end(draw: Draw, screen: Screen) -> None:
    page = draw("run_detail", run_id="done0")
    place = screen.shown["log"]["lines"][2][0]
    log = wish(page, screen, at=str(place))
    assert log["at"] == place
    assert place in [where for where, _ in log["lines"]]
    assert wish(page, screen, at="end")["at"] is None


def test_the_first_error_is_found_in_the_whole_log(draw: Draw, screen: Screen) -> None:
    log = wish(draw("run_detail", run_id="failed1"), screen, error="now")
    assert log["at"] == 0
    assert log["lines"][0][1].startswith("Traceback")


def test_the_choice_made_for_one_run_is_none_for_another(draw: Draw, screen: Screen) -> None:
    page = draw("run_detail", run_id="done0")
    wish(page, screen, stream="fetch")
    page.query_params["run_id"] = "done3"
    page.run()
    assert screen.shown["log"]["stream"] == "output"
