"""The probe inside real trainings: the newest Lightning, in an environment of its own."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from tests.compat import checks, pythons, scenarios
from tests.compat.matrix import Matrix
from tests.compat.observation import PROBE, SHAPES, Observation, Script, build_environment

LIGHTNING = ("lightning>=2.5,!=2.6.2,!=2.6.3", "pytorch-lightning>=2.5,!=2.6.2,!=2.6.3")
PACKAGES = ("lightning.pytorch", "pytorch_lightning")

StartScript = Callable[..., Script]
Observe = Callable[..., Observation]


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter with both packages, as a user's environment would have them."""
    uv = Path(sys.executable).with_name("uv")
    folder = tmp_path_factory.mktemp("environment")
    return build_environment(uv, folder, *LIGHTNING, "torch==2.13.0")


@pytest.fixture(scope="module")
def observe(python: Path, tmp_path_factory: pytest.TempPathFactory) -> Observe:
    """Run a shape; several tests may look at one run."""

    @cache
    def run(shape: str, package: str = PACKAGES[0]) -> Observation:
        return Script(python, tmp_path_factory.mktemp(shape), package).run_shape(shape)

    return run


@pytest.fixture
def script(python: Path, tmp_path: Path) -> StartScript:
    def make(folder: str = "run", **options: object) -> Script:
        (tmp_path / folder).mkdir(exist_ok=True)
        return Script(python, tmp_path / folder, **options)

    return make


@pytest.mark.parametrize("package", PACKAGES)
def test_a_script_with_arguments_is_followed_to_its_end(observe: Observe, package: str) -> None:
    seen = observe("argparse_script", package)
    assert seen.returncode == 0, seen.stderr
    assert [event["pkg"] for event in seen.named("hello")] == [package]
    assert [event["step"] for event in seen.named("step")] == list(range(2, 21, 2))
    assert len(seen.metric("val_loss")) == len(seen.metric("train_loss_epoch")) == 2
    assert seen.named("progress")[-1]["done"] == 1.0
    assert [event["status"] for event in seen.named("teardown")] == ["finished"]
    assert not seen.named("monitor_error")


def test_the_best_checkpoint_is_the_one_the_script_sees(observe: Observe) -> None:
    seen = observe("argparse_script", PACKAGES[0])
    last = seen.named("checkpoint")[-1]["ckpts"][0]
    assert last["monitor"] == "val_loss"
    assert last["best_path"].endswith(seen.printed("best").removeprefix("."))
    assert Path(last["best_path"]).is_file()
    assert last["best_score"] == min(seen.metric("val_loss"))


@pytest.mark.parametrize(
    "name", ["several_trainers", "module", "sigterm", "full_disk", "stop_resume"]
)
def test_a_small_part_of_the_matrix(script: StartScript, name: str) -> None:
    shape = next(shape for shape in Matrix().shapes if shape.name == name)
    seen = scenarios.run(shape, script())
    assert checks.failed(shape, seen) == {}, seen.stderr


@pytest.mark.parametrize("version", pythons.PYTHONS)
def test_every_python_will_do(tmp_path: Path, version: str) -> None:
    python = pythons.find(Path(sys.executable).with_name("uv"), version)
    if python is None:
        pytest.skip("this Python is not here")
    assert pythons.finding(python, tmp_path) == ""


def test_a_script_with_a_checkpoint_of_its_own_wins(script: StartScript, tmp_path: Path) -> None:
    other = tmp_path / "other.ckpt"
    other.touch()
    wanted = {"REPO_RUNNER_PROBE_CKPT": str(other), "REPO_RUNNER_PROBE_CKPT_FIT": "2"}
    seen = script(environment=wanted).run_shape("own_ckpt_path")
    assert seen.returncode == 0, seen.stderr
    assert [event["who"] for event in seen.named("resume")] == ["script"]
    assert seen.printed("steps") == "20"


def test_an_exception_is_reported_and_still_the_scripts(script: StartScript) -> None:
    seen = script().run_shape("crash")
    assert seen.returncode == 1
    assert "RuntimeError: the sixth batch is bad" in seen.stderr
    assert seen.named("exception")[0]["msg"] == "the sixth batch is bad"
    assert seen.named("teardown")[0]["status"] == "interrupted"


def test_a_missing_folder_costs_events_only(
    script: StartScript, observe: Observe, tmp_path: Path
) -> None:
    nowhere = {"REPO_RUNNER_PROBE_DIR": str(tmp_path / "nowhere")}
    seen = script(environment=nowhere).run_shape("argparse_script")
    assert seen.returncode == 0
    assert seen.stderr == observe("argparse_script", PACKAGES[0]).stderr
    assert not (tmp_path / "nowhere").exists()


def test_a_script_without_lightning_is_left_alone(script: StartScript) -> None:
    seen = script().run_shape("plain")
    assert (seen.returncode, seen.stdout, seen.stderr) == (0, "3.0\n", "")
    assert seen.events == []


def test_another_sitecustomize_is_run_and_the_path_is_clean(
    script: StartScript, python: Path, tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text("print('the other one')")
    path = {"PYTHONPATH": f"{PROBE}:{tmp_path}"}
    seen = script(environment=path).run("-c", "import json, sys; print(json.dumps(sys.path))")
    assert seen.stdout.startswith("the other one\n")
    assert str(PROBE) not in json.loads(seen.stdout.splitlines()[1])


def test_the_entry_point_is_enough_where_another_sitecustomize_comes_first(
    script: StartScript, tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text("")
    path = {"PYTHONPATH": f"{tmp_path}:{PROBE}"}
    seen = script(environment=path).run_shape("no_callbacks")
    assert seen.returncode == 0, seen.stderr
    assert len(seen.named("train_end")) == 1


def test_a_killed_training_loses_less_than_a_second(script: StartScript) -> None:
    run = script()
    with run.start(str(SHAPES / "argparse_script.py"), "--batches", "200000") as process:
        run.wait_for(lambda event: event.get("step", 0) > 500)
        process.send_signal(signal.SIGKILL)
        seen = run.finish(process)
    numbers = [event["seq"] for event in seen.events]
    assert numbers == list(range(1, len(numbers) + 1))
