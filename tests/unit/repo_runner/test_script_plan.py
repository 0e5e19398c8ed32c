from pathlib import Path
from types import SimpleNamespace

from repo_runner.models import Resources, RunSpec
from repo_runner.script_plan import ScriptPlan
from repo_runner.settings import Settings

SPEC = RunSpec(repo_url="https://github.com/a/b", commit_sha="0" * 40, script_path="train.py")


def env_of(gpus: tuple[str, ...] | None = None, *, cpus: int | None = None, **env: str) -> dict:
    plan = ScriptPlan(
        spec=SPEC.model_copy(update={"resources": Resources(cpus=cpus)}),
        env=env,
        checkout=Path("checkout"),
        environment=SimpleNamespace(python=Path("/e/bin/python"), path=Path("/e")),
        probe_folder=Path("probe"),
        gpus=gpus,
    )
    operators = {"PATH": "/bin", "OMP_NUM_THREADS": "64", "CUDA_VISIBLE_DEVICES": "0,1"}
    return plan.script_env(Settings(Path("home"), script_env=operators))


def test_a_script_uses_as_many_threads_as_its_run_asked_cpus_for() -> None:
    assert env_of(cpus=2)["OMP_NUM_THREADS"] == "2"
    assert env_of()["OMP_NUM_THREADS"] == "64"


def test_what_the_person_says_of_threads_stands() -> None:
    assert env_of(cpus=2, OMP_NUM_THREADS="7")["OMP_NUM_THREADS"] == "7"


def test_a_script_sees_the_gpus_its_run_was_given_and_no_others() -> None:
    assert env_of(("GPU-a", "GPU-b"))["CUDA_VISIBLE_DEVICES"] == "GPU-a,GPU-b"
    assert env_of(("GPU-a",), CUDA_VISIBLE_DEVICES="0,1,2")["CUDA_VISIBLE_DEVICES"] == "GPU-a"
    assert env_of(())["CUDA_VISIBLE_DEVICES"] == ""


def test_where_nobody_counts_gpus_the_operators_choice_stands() -> None:
    assert env_of(None)["CUDA_VISIBLE_DEVICES"] == "0,1"
