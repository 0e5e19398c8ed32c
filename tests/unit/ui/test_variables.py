from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from repo_runner.errors import InvalidInput
from tests.unit.ui import fake_runs as fake
from tests.unit.ui.conftest import Screen
from tests.unit.ui.fake_client import FakeClient
from ui.views import variables
from ui.views.variables import Variable

Draw = Callable[..., AppTest]
LINK = "https://github.com/acme/digits"


def sent(name: str, kind: str, value: str = "", row: str = "a") -> dict[str, str]:
    return {"row": row, "name": name, "kind": kind, "value": value}


def edited(*rows: dict[str, str], before: tuple[Variable, ...] = ()) -> tuple[Variable, ...]:
    return variables.edited(before, rows)


def test_what_was_typed_becomes_its_part_of_a_submission() -> None:
    rows = edited(
        sent("SEED", "plain", "1"),
        sent("LICENCE", "secret", "abc-def", "b"),
        sent("", "operator", "TEAM_TOKEN", "c"),
        sent("", "plain", "", "d"),
    )
    parts = variables.of_submission(rows, ("TEAM_TOKEN",))
    assert parts["env"] == {"SEED": "1"}
    assert parts["secret_env"]["LICENCE"].get_secret_value() == "abc-def"
    assert parts["secret_refs"] == {"TEAM_TOKEN": "TEAM_TOKEN"}
    variables.require_all(rows, ("TEAM_TOKEN",))


def test_a_secret_is_never_shown_and_keeps_its_value_until_another_one_is_written() -> None:
    rows = edited(sent("LICENCE", "secret", "abc-def"))
    (row,) = variables.shown(rows, ())
    assert (row["value"], row["given"]) == ("", True)
    assert "abc-def" not in repr(rows)
    renamed = edited(sent("KEY", "secret"), before=rows)
    assert (renamed[0].name, renamed[0].value) == ("KEY", "abc-def")
    assert edited(sent("KEY", "secret", "new-one"), before=rows)[0].value == "new-one"
    assert edited(sent("KEY", "plain"), before=rows)[0].value == "", "it would be shown"


def test_a_name_that_tells_of_a_secret_makes_it_one() -> None:
    rows = edited(sent("HF_TOKEN", "plain", "hf_123456"))
    assert rows[0].kind == "secret"
    assert variables.shown(rows, ())[0]["forced"]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (sent("LD_PRELOAD", "plain", "x.so"), "LD_PRELOAD cannot be set for a run. It would"),
        (sent("PATH", "secret", "abcdef"), "PATH cannot be set"),
        (sent("1A", "plain", "1"), "'1A' is not valid. Use letters"),
        (sent("", "plain", "1"), "Give it a name"),
        (sent("LICENCE", "secret"), "Give it a value."),
        (sent("X", "operator"), "Choose which"),
        (sent("X", "operator", "AWS_KEY"), "offers no variable 'AWS_KEY'. There is TEAM_TOKEN."),
    ],
)
def test_what_is_wrong_with_a_row_is_said_there(row: dict[str, str], reason: str) -> None:
    rows = edited(row)
    assert reason in variables.problems(rows, ("TEAM_TOKEN",))[0]
    assert not any(variables.of_submission(rows, ("TEAM_TOKEN",)).values())
    with pytest.raises(InvalidInput, match="has to be mended"):
        variables.require_all(rows, ("TEAM_TOKEN",))


def test_a_name_that_comes_twice_is_wrong_where_it_comes_again() -> None:
    rows = edited(sent("A", "plain", "1"), sent("A", "secret", "abcdef", "b"))
    assert variables.problems(rows, ()) == ["", "A is given twice. Keep one of them."]


def test_a_secret_that_the_log_cannot_mask_is_said() -> None:
    assert "Too short" in variables.shown(edited(sent("PIN", "secret", "1234")), ())[0]["note"]


def test_a_runs_variables_come_back_and_its_secrets_are_asked_for_again() -> None:
    spec = fake.spec(env={"SEED": "1"}, secret_env={"KEY": "ticket"}, secret_refs={"T": "TEAM"})
    rows = variables.of_spec(spec)
    assert [(row.name, row.kind, row.value) for row in rows] == [
        ("SEED", "plain", "1"),
        ("KEY", "secret", ""),
        ("T", "operator", "TEAM"),
    ]
    assert "Write it again" in variables.problems(rows, ("TEAM",))[1]
    given = variables.edited(rows, [sent("KEY", "secret", "abcdef", rows[1].row)])
    assert variables.problems(given, ()) == [""]
    assert "Write it again" in variables.problems(variables.without_secrets(given), ())[0]


def test_an_edit_in_the_form_is_taken_in_and_shown_without_the_secret(
    draw: Draw, screen: Screen, app: FakeClient
) -> None:
    page = draw("new_run", repo=LINK, script="train.py")
    rows = [sent("SEED", "plain", "1"), sent("LICENCE", "secret", "abc-def", "b")]
    screen.events["variables-editor"] = {"edit": {"edits": 3, "rows": rows}}
    page.run()
    shown = screen.shown["variables-editor"]
    assert (shown["edits"], [row["value"] for row in shown["rows"]]) == (3, ["1", ""])
    page.button("submit").click().run()
    (made,) = app.submitted
    assert made.env == {"SEED": "1"}
    assert made.secret_env["LICENCE"].get_secret_value() == "abc-def"
    assert page.session_state.variables[1].value == "", "it is not kept once it was sent"


def drawn_with_edit(draw: Draw, screen: Screen, row: dict[str, str]) -> AppTest:
    """The form, and an edit of a variable that the page has yet to hear."""
    page = draw("new_run", repo=LINK, script="train.py")
    screen.events["variables-editor"] = {"edit": {"edits": 1, "rows": [row]}}
    return page


def test_a_wrong_variable_keeps_the_run_from_being_submitted(
    draw: Draw, screen: Screen, app: FakeClient
) -> None:
    page = drawn_with_edit(draw, screen, sent("LD_PRELOAD", "plain", "x.so"))
    page.run()
    assert "LD_PRELOAD cannot be set" in screen.shown["variables-editor"]["rows"][0]["error"]
    page.button("submit").click().run()
    assert not app.submitted
    assert "LD_PRELOAD" in screen.shown["error-variables"]["items"][0]["text"]


def test_a_press_that_comes_with_an_edit_counts_after_it(
    draw: Draw, screen: Screen, app: FakeClient
) -> None:
    page = drawn_with_edit(draw, screen, sent("SEED", "plain", "1"))
    page.button("submit").click().run()
    assert [made.env for made in app.submitted] == [{"SEED": "1"}]
