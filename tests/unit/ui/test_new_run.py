from __future__ import annotations

from collections.abc import Callable
from unittest.mock import Mock

import pytest
from streamlit.testing.v1 import AppTest

from repo_runner.errors import InvalidInput
from tests.unit.ui.conftest import Screen
from tests.unit.ui.fake_client import FakeClient
from ui.views import form

Draw = Callable[..., AppTest]
LINK = "https://github.com/acme/digits"


def test_an_empty_form_invites(draw: Draw, screen: Screen) -> None:
    draw("new_run")
    assert screen.shown["invite"]["empty"]["title"] == "Nothing to check yet"


def test_a_bad_link_is_said_at_its_field_before_anything_starts(draw: Draw, screen: Screen) -> None:
    page = draw("new_run")
    page.text_input("link").set_value("gitlab.com/x/y").run()
    assert "is not a link to a GitHub" in screen.shown["error-link"]["items"][0]["text"]


def test_a_script_found_in_the_repository_can_be_chosen(draw: Draw, screen: Screen) -> None:
    page = draw("new_run")
    page.text_input("link").set_value(LINK).run()
    assert screen.shown["error-script_path"]["items"][0]["text"] == "Name the script to run."
    page.selectbox("picked").set_value("examples/train.py").run()
    assert page.text_input("script_path").value == "examples/train.py"


def test_the_exact_command_is_shown(draw: Draw, screen: Screen) -> None:
    page = draw("new_run", repo=LINK, script="train.py", args="--lr 1")
    assert page.text_input("link").value == LINK
    facts = {fact["name"]: fact["value"] for fact in screen.shown["plan"]["facts"]}
    assert facts["Command"] == "python train.py --lr 1"


def test_run_submits_once_and_opens_the_run(draw: Draw, screen: Screen, app: FakeClient) -> None:
    page = draw("new_run", repo=LINK, script="train.py")
    page.button("submit").click().run()
    assert [submission.script_path for submission in app.submitted] == ["train.py"]
    assert screen.gone_to == [("run", {"run_id": "new1"})]


def test_a_refused_submission_stays_in_the_form(
    draw: Draw, screen: Screen, app: FakeClient
) -> None:
    page = draw("new_run", repo=LINK, script="train.py", ref="nope")
    page.button("submit").click().run()
    assert not screen.gone_to
    assert "no branch, tag or commit" in screen.shown["error-ref"]["items"][0]["text"]


def test_a_bad_variable_is_said_at_its_field(draw: Draw, screen: Screen) -> None:
    page = draw("new_run", repo=LINK, script="train.py")
    page.text_area("env").set_value("no equals sign").run()
    assert "not NAME=value" in screen.shown["error-env"]["items"][0]["text"]


def test_an_error_about_what_is_no_field_of_the_form_is_still_said(
    draw: Draw, screen: Screen, app: FakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusal = InvalidInput("The field colour is not valid.", field="colour")
    monkeypatch.setattr(app, "_check", Mock(side_effect=refusal))
    page = draw("new_run", repo=LINK, script="train.py")
    assert screen.shown["findings"]["items"][0]["text"] == refusal.message
    page.button("submit").click().run()
    assert screen.shown["error-"]["items"][0]["text"] == refusal.message


def test_the_scripts_own_arguments_are_listed(draw: Draw, screen: Screen) -> None:
    draw("new_run", repo=LINK, script="train.py")
    rows = {fact["name"]: fact["value"] for fact in screen.shown["arguments"]["facts"]}
    assert rows["--max_epochs"] == "Passes over the data · default 5"
    assert rows["--optimizer"] == "one of sgd, adam · default adam"
    assert rows["data"] == "required"


def test_a_token_is_sent_and_not_kept(draw: Draw, app: FakeClient) -> None:
    page = draw("new_run", repo=LINK, script="train.py")
    page.text_input("token").set_value("ghp_x").run()
    page.button("submit").click().run()
    assert app.submitted[0].token.get_secret_value() == "ghp_x"
    assert "token" not in form.KEPT
