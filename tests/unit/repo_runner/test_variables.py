"""The variables a run may bring (A6): which are refused, and how one refers to the operator's."""

from __future__ import annotations

from pathlib import Path

import pytest

from repo_runner import variables
from repo_runner.errors import InvalidInput
from repo_runner.models import Submission
from repo_runner.settings import Settings

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize(
    "name",
    [
        *sorted(variables.REFUSED_NAMES),
        *(f"{prefix}X" for prefix in variables.REFUSED_PREFIXES),
        *["LD_PRELOAD", "ld_preload", "GIT_DIR", "REPO_RUNNER_TOKEN", "REPO_RUNNER_RUN_ID"],
        *["a=b", "", "a\0b", "1A", "naïve", "a b", "a\n", "A" * 201],
    ],
)
def test_A6_a_variable_that_is_dangerous_or_no_name_is_refused_at_its_field(name: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        variables.check_env({name: "1"})
    assert caught.value.field == "env"
    with pytest.raises(InvalidInput) as caught:
        variables.check_secret_refs({name: "KEY"}, {}, {"KEY": "x"})
    assert caught.value.field == "secret_refs"


@pytest.mark.parametrize(("value", "reason"), [("a\0b", "NUL"), ("x" * 65536, "longer than")])
def test_A6_a_value_that_no_process_could_get_is_refused(value: str, reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason):
        variables.check_env({"SEED": value})


def test_A6_ordinary_variables_pass_as_they_are() -> None:
    given = {"PYTHONHASHSEED": "1", "WANDB_API_KEY": "k", "CUDA_VISIBLE_DEVICES": "", "X": "a=b\n"}
    assert variables.check_env(given) == given


def test_what_is_given_as_a_secret_or_named_like_one_is_sealed() -> None:
    given = Submission(link="a/b", env={"HF_TOKEN": "t", "SEED": "1"}, secret_env={"LICENCE": "x"})
    env, hidden = variables.own_variables(given)
    assert env == {"HF_TOKEN": "t", "SEED": "1", "LICENCE": "x"}
    assert hidden == {"HF_TOKEN", "LICENCE"}
    assert "x" not in repr(given.secret_env)


@pytest.mark.parametrize(
    ("env", "secret_env", "reason"),
    [
        ({}, {"LICENCE": ""}, "The secret LICENCE has no value"),
        ({"HF_TOKEN": ""}, {}, "The secret HF_TOKEN has no value"),
        ({"A": "1"}, {"A": "2"}, "A is given twice"),
        ({}, {"LD_PRELOAD": "x"}, "LD_PRELOAD cannot be set"),
    ],
)
def test_A6_a_secret_that_cannot_be_given_is_refused_at_its_field(
    env: dict[str, str], secret_env: dict[str, str], reason: str
) -> None:
    with pytest.raises(InvalidInput, match=reason) as caught:
        variables.own_variables(Submission(link="a/b", env=env, secret_env=secret_env))
    assert caught.value.field == "env"


def test_A6_every_refused_name_is_in_the_security_page() -> None:
    page = (ROOT / "SECURITY.md").read_text()
    names = [*variables.REFUSED_NAMES, *(f"{prefix}*" for prefix in variables.REFUSED_PREFIXES)]
    assert [name for name in names if f"`{name}`" not in page] == []


def test_only_what_the_operator_offers_can_be_referred_to() -> None:
    offered = {"TEAM_HF_TOKEN": "hf_123456"}
    assert variables.check_secret_refs({"HF_TOKEN": "TEAM_HF_TOKEN"}, {}, offered)
    with pytest.raises(InvalidInput, match="offers no variable 'AWS_KEY'") as caught:
        variables.check_secret_refs({"HF_TOKEN": "AWS_KEY"}, {}, offered)
    assert "TEAM_HF_TOKEN" in caught.value.hint_text
    with pytest.raises(InvalidInput, match="given twice"):
        variables.check_secret_refs({"A": "TEAM_HF_TOKEN"}, {"A": "1"}, offered)


def test_an_offered_variable_reaches_the_run_that_refers_to_it_and_no_other(tmp_path: Path) -> None:
    env = {
        "REPO_RUNNER_HOME": str(tmp_path),
        "REPO_RUNNER_SECRET_VARIABLES": "HF_HOME UNSET",
        "HF_HOME": "hidden-from-all",
        "UV_TOKEN": "for the installer",
    }
    settings = Settings.from_env(env)
    assert settings.referred(["HF_HOME", "UNSET", "UV_TOKEN"]) == {"HF_HOME": "hidden-from-all"}
    for surroundings in (settings.supervisor_env, settings.ui_env, settings.script_env):
        assert "hidden-from-all" not in surroundings.values()
    assert "hidden-from-all" not in repr(settings)


def test_what_the_app_keeps_for_itself_reaches_no_supervisor(tmp_path: Path) -> None:
    own = {
        "REPO_RUNNER_TOKEN": "t0ken",
        "REPO_RUNNER_DATABASE_URL": "postgresql://me:passw0rd@db/runs",
        "REPO_RUNNER_GIT_TOKENS": "github.com=GH",
        "GH": "ghs_secret",
        "AWS_SECRET_ACCESS_KEY": "of the operator",
    }
    settings = Settings.from_env({"REPO_RUNNER_HOME": str(tmp_path), **own})
    assert set(settings.supervisor_env.values()).isdisjoint(own.values())
