from __future__ import annotations

from collections.abc import Callable
from unittest.mock import Mock

import pytest
from streamlit.testing.v1 import AppTest

from repo_runner.errors import InvalidInput
from repo_runner.models import ScriptArgument
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
    screen.events["pick-script_path"] = {"pick": "examples/train.py"}
    page.run()
    assert page.text_input("script_path").value == "examples/train.py"


def test_a_subcommand_is_picked_and_brings_its_arguments(
    draw: Draw, screen: Screen, monkeypatch: pytest.MonkeyPatch
) -> None:
    lr = ScriptArgument(name="lr", flags=("--lr",), type="float", subcommands=("fit",))
    monkeypatch.setattr("tests.unit.ui.fake_preflight.ARGUMENTS", (lr,))
    monkeypatch.setattr("tests.unit.ui.fake_preflight.SUBCOMMANDS", ("fit", "test"))
    page = draw("new_run", repo=LINK, script="train.py")
    assert screen.shown["arguments"]["picker"] == {"options": ["fit", "test"], "value": ""}
    screen.events["arguments"] = {"edit": [{"number": 1, "name": "", "value": "fit"}]}
    page.run()
    assert page.text_input("script_args").value == "fit"
    assert [field["name"] for field in screen.shown["arguments"]["fields"]] == ["lr"]


def test_a_field_that_is_left_by_pressing_run_counts(
    draw: Draw, screen: Screen, app: FakeClient
) -> None:
    page = draw("new_run", repo=LINK, script="train.py")
    screen.events["arguments"] = {"edit": [{"number": 1, "name": "max_epochs", "value": "7"}]}
    page.button("submit").click().run()
    assert [made.script_args for made in app.submitted] == ["--max_epochs 7"]


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


def test_a_field_on_the_page_is_not_set_over_what_is_typed_there_meanwhile(draw: Draw) -> None:
    page = draw("new_run", repo=LINK, script="train.py")
    page.text_input("name").set_value("first").run()
    assert not page.text_input("script_args").proto.set_value
    assert page.text_input("link").value == LINK


def test_a_wrong_limit_is_said_at_its_field_and_what_hides_it_unfolds(
    draw: Draw, screen: Screen
) -> None:
    page = draw("new_run", repo=LINK, script="train.py")
    assert not page.expander[1].proto.expanded
    page.text_input("limits.time_s").set_value("soon").run()
    assert "'soon'" in screen.shown["error-limits.time_s"]["items"][0]["text"]
    assert page.expander[1].proto.expanded


def test_a_token_that_is_sealed_in_another_run_is_asked_for_again(draw: Draw) -> None:
    page = draw("new_run", repo=LINK, script="train.py")
    page.session_state["needs_token"] = True
    page.run()
    assert page.expander[0].proto.expanded
    assert any("Write it again" in caption.value for caption in page.caption)


def test_an_error_about_what_is_no_field_of_the_form_is_still_said(
    draw: Draw, screen: Screen, app: FakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusal = InvalidInput("The field colour is not valid.", field="colour")
    monkeypatch.setattr(app, "_check", Mock(side_effect=refusal))
    page = draw("new_run", repo=LINK, script="train.py")
    assert screen.shown["findings"]["items"][0]["text"] == refusal.message
    page.button("submit").click().run()
    assert screen.shown["error-"]["items"][0]["text"] == refusal.message


def test_the_scripts_own_arguments_are_fields(draw: Draw, screen: Screen) -> None:
    draw("new_run", repo=LINK, script="train.py", args="--lr 1")
    rows = {field["name"]: field for field in screen.shown["arguments"]["fields"]}
    assert rows["max_epochs"]["placeholder"] == "5"
    assert (rows["lr"]["value"], rows["lr"]["given"]) == ("1", True)
    assert (rows["data"]["required"], rows["optimizer"]["kind"]) == (True, "choice")


def test_a_changed_field_goes_into_the_line(draw: Draw, screen: Screen) -> None:
    page = draw("new_run", repo=LINK, script="train.py")
    screen.events["arguments"] = {"edit": [{"number": 1, "name": "max_epochs", "value": "7"}]}
    page.run()
    assert page.text_input("script_args").value == "--max_epochs 7"
    facts = {fact["name"]: fact["value"] for fact in screen.shown["plan"]["facts"]}
    assert facts["Command"] == "python train.py --max_epochs 7"


@pytest.mark.parametrize(
    ("query", "place", "button", "field", "value"),
    [
        ({"script": "trian.py"}, "error-script_path", "Use train.py", "script_path", "train.py"),
        (
            {"script": "train.py", "ref": "nope"},
            "error-ref",
            "Use the default branch, main",
            "ref",
            "",
        ),
        (
            {"script": "train.py", "args": "--max_epoch 3"},
            "findings",
            "Use --max_epochs",
            "script_args",
            "--max_epochs 3",
        ),
        (
            {"script": "train.py"},
            "findings",
            "Use --accelerator cpu",
            "script_args",
            "--accelerator cpu",
        ),
    ],
)
def test_a_finding_has_a_button_that_mends_it(
    draw: Draw,
    screen: Screen,
    query: dict[str, str],
    place: str,
    button: str,
    field: str,
    value: str,
) -> None:
    page = draw("new_run", repo=LINK, **query)
    offered = [b["label"] for item in screen.shown[place]["items"] for b in item["buttons"]]
    assert button in offered
    screen.events[place] = {"press": button}
    page.run()
    assert page.text_input(field).value == value


def test_a_ref_is_picked_from_the_repositorys_own(draw: Draw, screen: Screen) -> None:
    page = draw("new_run", repo=LINK, script="train.py")
    assert [group["title"] for group in screen.shown["pick-ref"]["groups"]] == ["Branches", "Tags"]
    assert screen.shown["pick-ref"]["value"] == "main"
    screen.events["pick-ref"] = {"pick": "v1.9"}
    page.run()
    assert page.text_input("ref").value == "v1.9"


def test_what_the_repository_asks_for_is_shown_at_the_requirements(
    draw: Draw, screen: Screen
) -> None:
    page = draw("new_run", repo=LINK, script="train.py")
    shown = screen.shown["declared"]
    assert shown["title"] == "The repository asks for 2 requirements: uv.lock"
    assert shown["facts"][0]["value"] == "lightning==2.5.5\ntorch==2.9.0"
    screen.events["pick-dependency_file"] = {"pick": "requirements.txt"}
    page.run()
    assert page.text_input("dependency_file").value == "requirements.txt"


def test_the_form_can_be_shared(draw: Draw, screen: Screen) -> None:
    draw("new_run", repo=LINK, script="train.py", args="--tag 'two words'")
    facts = {fact["name"]: fact["value"] for fact in screen.shown["share"]["facts"]}
    assert facts["Link"] == (
        "http://127.0.0.1:7501/new?repo=acme/digits&script=train.py&args=--tag%20%27two%20words%27"
    )
    assert facts["Badge"].endswith(f"]({facts['Link']})")


def test_a_token_is_sent_and_not_kept(draw: Draw, app: FakeClient) -> None:
    page = draw("new_run", repo=LINK, script="train.py")
    page.text_input("token").set_value("ghp_x").run()
    page.button("submit").click().run()
    assert app.submitted[0].token.get_secret_value() == "ghp_x"
    assert "token" not in form.KEPT


def test_where_a_run_goes_is_asked_only_where_there_is_a_choice(
    draw: Draw, app: FakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not [each for each in draw("new_run").text_input if each.key == "nodes"]
    monkeypatch.setenv("REPO_RUNNER_BACKENDS", "ray local")
    page = draw("new_run", repo=LINK, script="train.py")
    page.text_input("nodes").set_value("2")
    page.text_input("labels").set_value("zone=eu")
    page.button("submit").click().run()
    (made,) = app.submitted
    assert (made.backend, made.resources.nodes, made.resources.labels) == ("ray", 2, {"zone": "eu"})
