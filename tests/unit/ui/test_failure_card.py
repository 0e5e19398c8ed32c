from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from repo_runner.models import Failure, Run, RunPhase
from tests.unit.ui import fake_runs as fake
from tests.unit.ui.conftest import Screen
from tests.unit.ui.fake_client import FakeClient
from ui.views.failure_card import buttons, missing_package, package_of, with_package

Draw = Callable[..., AppTest]


def failed(code: str, *lines: str, phase: RunPhase = RunPhase.TRAINING) -> Run:
    failure = Failure(error_code=code, message="It failed.", lines=lines)
    return fake.failed("r", fake.moment(), phase, failure)


def labels(run: Run) -> list[object]:
    return [one["label"] for one in buttons(run)]


@pytest.mark.parametrize(
    ("module", "package"),
    [
        ("sklearn.metrics", "scikit-learn"),
        ("cv2", "opencv-python-headless"),
        ("PIL", "pillow"),
        ("google.protobuf.message", "protobuf"),
        ("einops.layers", "einops"),
        ("some_thing", "some-thing"),
    ],
)
def test_a_module_is_mapped_to_its_package(module: str, package: str) -> None:
    assert package_of(module) == package


def test_the_missing_package_is_added() -> None:
    run = failed("module_missing", "ModuleNotFoundError: No module named 'yaml'")
    assert labels(run) == ["Add pyyaml and run again"]
    assert with_package(run).requirements[-1] == "pyyaml"


def test_a_package_that_was_asked_for_is_not_offered_again() -> None:
    run = failed("module_missing", "ModuleNotFoundError: No module named 'yaml'")
    run = run.model_copy(update={"spec": with_package(run)})
    assert missing_package(run) == ""
    assert labels(run) == ["Edit and run"]


@pytest.mark.parametrize(
    ("code", "wanted"),
    [
        ("supervisor_lost", ["Try again", "Edit and run"]),
        ("interrupted", ["Try again", "Edit and run"]),
        ("arguments_refused", ["Edit and run"]),
        ("script_not_found", ["Edit and run"]),
    ],
)
def test_the_first_button_is_what_helps(code: str, wanted: list[str]) -> None:
    assert labels(failed(code)) == wanted


def test_what_had_trained_is_resumed() -> None:
    run = failed("interrupted").model_copy(update={"has_probe": True})
    assert labels(run) == ["Resume", "Edit and run"]


def test_the_button_opens_the_filled_form(draw: Draw, screen: Screen) -> None:
    page = draw("run_detail", run_id="failed1")
    screen.events["failure"] = {"press": "edit"}
    page.run()
    assert screen.gone_to == [("new", {})]
    assert page.session_state["requirements"] == "torchmetrics>=1.0\neinops"


def test_any_failed_run_can_be_tried_again(draw: Draw, app: FakeClient) -> None:
    draw("run_detail", run_id="failed4").button("resume").click().run()
    assert app.resumed == ["failed4"]
