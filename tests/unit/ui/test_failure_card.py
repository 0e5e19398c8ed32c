from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from repo_runner.models import Failure, Limits, Run, RunPhase
from tests.unit.ui import fake_runs as fake
from tests.unit.ui.conftest import Screen
from tests.unit.ui.fake_client import FakeClient
from ui.views.failure_card import buttons
from ui.views.remedies import package_of, remedies

Draw = Callable[..., AppTest]


def failed(code: str, *lines: str, phase: RunPhase = RunPhase.TRAINING) -> Run:
    failure = Failure(error_code=code, message="It failed.", lines=lines)
    return fake.failed("r", fake.moment(), phase, failure)


def labels(run: Run) -> list[object]:
    return [one["label"] for one in buttons(run, remedies(run))]


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
    assert labels(run) == ["Add pyyaml and run again", "Edit and run"]
    (remedy,) = remedies(run)
    assert remedy.spec.requirements[-1] == "pyyaml"
    asked_for = run.model_copy(update={"spec": remedy.spec})
    assert labels(asked_for) == ["Edit and run"]


@pytest.mark.parametrize(
    ("code", "limits", "label", "field", "value"),
    [
        ("limit_time", {"time_s": 5400}, "Run again with more time (3h)", "time_s", 10800),
        ("limit_silence", {"silence_s": 60}, "Run again with more patience (2m)", "silence_s", 120),
        ("limit_memory", {"memory_bytes": 8 * 10**9}, "Run again with more memory (16GB)", "memory_bytes", 16 * 10**9),
        ("limit_disk", {"disk_bytes": 10**9}, "Run again with more disk (2GB)", "disk_bytes", 2 * 10**9),
    ],
)  # fmt: skip
def test_a_run_that_hit_a_limit_gets_twice_as_much(
    code: str, limits: dict, label: str, field: str, value: float
) -> None:
    run = failed(code)
    run = run.model_copy(update={"spec": fake.spec(limits=Limits(**limits))})
    (remedy,) = remedies(run)
    assert (remedy.label, getattr(remedy.spec.limits, field)) == (label, value)


@pytest.mark.parametrize(
    ("words", "changed"),
    [
        (("--batch_size", "64", "-v"), ("--batch_size", "32", "-v")),
        (("--data.batch-size=7",), ("--data.batch-size=3",)),
        (("--batch_size", "1"), None),
        (("--batch_size",), None),
    ],
)
def test_a_batch_that_does_not_fit_is_halved(words: tuple, changed: tuple | None) -> None:
    run = failed("gpu_out_of_memory").model_copy(update={"spec": fake.spec(script_args=words)})
    assert [one.spec.script_args for one in remedies(run)] == ([changed] if changed else [])


def test_a_script_that_is_not_there_is_replaced_by_one_that_is(
    draw: Draw, screen: Screen, app: FakeClient
) -> None:
    run = failed("script_not_found").model_copy(update={"spec": fake.spec(script_path="trian.py")})
    assert [one.label for one in remedies(run, ("train.py", "x/y.txt"))] == [
        "Use train.py and run again"
    ]


def test_a_part_of_a_package_is_run_as_a_module() -> None:
    (remedy,) = remedies(failed("part_of_package"))
    assert (remedy.label, remedy.spec.script_module) == (
        "Run again as -m examples.train",
        "examples.train",
    )


@pytest.mark.parametrize(
    ("code", "wanted"),
    [
        ("supervisor_lost", ["Try again", "Edit and run"]),
        ("interrupted", ["Try again", "Edit and run"]),
        ("arguments_refused", ["Edit and run"]),
        ("disk_full", ["Look at the disk", "Edit and run"]),
        ("script_not_found", ["Edit and run"]),
    ],
)
def test_the_first_button_is_what_helps(code: str, wanted: list[str]) -> None:
    assert labels(failed(code)) == wanted


def test_what_had_trained_is_resumed() -> None:
    run = failed("interrupted").model_copy(update={"has_probe": True})
    assert labels(run) == ["Resume", "Edit and run"]


def test_the_button_runs_it_again_mended(draw: Draw, screen: Screen, app: FakeClient) -> None:
    page = draw("run_detail", run_id="failed1")
    screen.events["failure"] = {"press": "Add einops and run again"}
    page.run()
    (asked,) = app.submitted
    assert asked.requirements == "torchmetrics>=1.0\neinops"
    assert asked.ref == fake.SHA
    assert screen.gone_to == [("run", {"run_id": "new1"})]


def test_a_run_with_sealed_values_is_run_again_by_way_of_the_form(
    draw: Draw, screen: Screen, app: FakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    sealed = fake.spec(secret_env={"HF_TOKEN": "ticket"})
    run = app.get("failed1").model_copy(update={"spec": sealed})
    monkeypatch.setattr(app, "get", lambda _run_id: run)
    draw("run_detail", run_id="failed1").button("run-again").click().run()
    assert not app.submitted
    assert screen.gone_to == [("new", {})]


def test_an_ended_run_is_run_again_with_a_click(
    draw: Draw, screen: Screen, app: FakeClient
) -> None:
    draw("run_detail", run_id="done0").button("run-again").click().run()
    assert [one.script_args for one in app.submitted] == [
        "--max_epochs 40 --lr 1e-3 --tag 'two words'"
    ]
    assert screen.gone_to == [("run", {"run_id": "new1"})]


def test_any_failed_run_can_be_tried_again(draw: Draw, app: FakeClient) -> None:
    draw("run_detail", run_id="failed4").button("resume").click().run()
    assert app.resumed == ["failed4"]
