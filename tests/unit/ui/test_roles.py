"""What a page offers depends on the person's role; that it is enforced is the API's test."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from repo_runner.access.person import Person, Role
from tests.unit.ui.conftest import Screen

Draw = Callable[..., AppTest]
Belong = Callable[[Person], None]


def buttons(test: AppTest) -> set[str]:
    return {button.label for button in test.button if not button.disabled}


@pytest.mark.parametrize(
    ("who", "offered"),
    [
        (Person("eve", Role.VIEWER), set()),
        (Person("eve", Role.SUBMITTER), {"Edit and run"}),
        (Person("bob", Role.SUBMITTER), {"Edit and run", "Stop"}),
        (Person("ada", Role.OPERATOR), {"Edit and run", "Stop"}),
    ],
)
def test_a_live_run_of_bobs(draw: Draw, person: Belong, who: Person, offered: set[str]) -> None:
    person(who)
    shown = buttons(draw("run_detail", run_id="live"))
    assert shown & {"Edit and run", "Stop", "Delete"} == offered


def test_only_an_operator_deletes(draw: Draw, person: Belong, screen: Screen) -> None:
    assert "Delete" in buttons(draw("run_detail", run_id="done0"))
    person(Person("bob", Role.SUBMITTER))
    assert "Delete" not in buttons(draw("run_detail", run_id="done0"))


def test_only_an_operator_cleans_up(draw: Draw, person: Belong) -> None:
    assert "Clean up" in buttons(draw("system"))
    person(Person("bob", Role.SUBMITTER))
    assert "Clean up" not in buttons(draw("system"))


def test_a_viewer_sees_the_form_and_cannot_run(draw: Draw, person: Belong) -> None:
    assert "Run" in buttons(draw("new_run"))
    person(Person("eve", Role.VIEWER))
    assert "Run" not in buttons(draw("new_run"))


def test_who_submitted_a_run_is_shown(draw: Draw, screen: Screen) -> None:
    draw("run_detail", run_id="live")
    assert screen.shown["heading"]["by"] == "bob"
    draw("runs")
    rows = [row for section in screen.shown["runs"]["sections"] for row in section["rows"]]
    assert any(row["by"] == "bob" for row in rows)
