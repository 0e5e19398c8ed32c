"""The parts of a preflight that need no repository: tokens, submodules' addresses, settings, the command line."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from repo_runner.errors import InvalidInput
from repo_runner.inspection import Inspection
from repo_runner.machine import Machine
from repo_runner.models import Preflight, ScriptArgument, Submission
from repo_runner.preflight import inspect
from repo_runner.settings import Settings
from repo_runner.source import Source, find_submodules
from repo_runner.source.credentials import Masking, authorization
from repo_runner.submission_options import (
    add_submission_options,
    describe_preflight,
    submission_of,
)
from repo_runner.token_vault import TokenVault

REPO = "https://github.com/owner/repo"


def settings_of(**variables: str) -> Settings:
    return Settings.from_env({"REPO_RUNNER_HOME": "/nowhere", **variables})


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://github.com/owner/lib.git", "https://github.com/owner/lib"),
        ("git@github.com:owner/lib.git", "https://github.com/owner/lib"),
        ("../lib", "https://github.com/owner/lib"),
        ("../../other/lib.git", "https://github.com/other/lib"),
        ("./lib", ""),
        ("https://github.com/owner/lib/tree/main", ""),
        ("https://gitlab.com/owner/lib", ""),
        ("http://github.com/owner/lib", ""),
        ("https://github.com@evil.org/a/b", ""),
        ("ext::sh -c x", ""),
        ("$(x)", ""),
    ],
)
def test_a_submodule_s_address_leads_to_the_same_host_or_nowhere(url: str, expected: str) -> None:
    text = f'[submodule "x"]\n\tpath = "libs/x"\n\turl = {url}\n\tupdate = !touch x\n'
    (part,) = find_submodules(REPO, {"libs/x": "1" * 40}, text)
    assert (part.repo_url, bool(part.problem)) == (expected, not expected)


def test_a_submodule_without_an_address_and_an_address_without_one_are_told_apart() -> None:
    text = '[submodule "gone"]\n\tpath = gone\n\turl = ../gone\n'
    (part,) = find_submodules(REPO, {"here": "1" * 40}, text)
    assert (part.path, part.problem) == ("here", "its address is not in .gitmodules")


def test_the_operator_names_variables_and_their_values_go_to_nobody() -> None:
    pairs = "github.com=REPO_RUNNER_MINE Gitlab.example:8443=UV_X absent.org=NO_SUCH"
    settings = settings_of(REPO_RUNNER_GIT_TOKENS=pairs, REPO_RUNNER_MINE="s3cret", UV_X="t0ken")
    assert settings.git_tokens == {"github.com": "s3cret", "gitlab.example:8443": "t0ken"}
    assert "s3cret" not in repr(settings)
    passed = {**settings.supervisor_env, **settings.ui_env, **settings.installer_env}
    assert not {"s3cret", "t0ken", pairs} & set(passed.values())


@pytest.mark.parametrize("text", ["ghp_token", "host=", "=NAME", "host=not-a-name"])
def test_a_token_in_place_of_its_variable_s_name_is_refused_and_not_quoted(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        settings_of(REPO_RUNNER_GIT_TOKENS=text)
    assert "ghp_token" not in str(caught.value.as_dict())


def test_only_the_named_origin_gets_the_header() -> None:
    source = Source(settings_of()).with_token(REPO, "t0ken")
    (key,) = authorization(source._settings, REPO)
    assert key == "http.https://github.com/.extraHeader"
    assert authorization(source._settings, "https://gitlab.com/a/b") == {}


def test_what_git_says_is_masked_in_every_form() -> None:
    settings = settings_of(REPO_RUNNER_GIT_TOKENS="github.com=T", T="a/b+c d".replace(" ", "="))
    mask = Masking(authorization(settings, REPO))
    encoded = next(iter(authorization(settings, REPO).values())).removeprefix(
        "Authorization: Basic "
    )
    assert mask(f"a/b+c=d a%2Fb%2Bc%3Dd {encoded} rest") == "*** *** *** rest"


def test_a_submission_shows_its_token_to_nobody_but_the_app() -> None:
    submission = Submission(link="a/b", token="t0ken")
    assert "t0ken" not in f"{submission!r} {submission} {submission.model_dump()}"
    assert submission.model_dump(mode="json")["token"] == "t0ken"


def test_every_wrong_text_is_found_at_once_and_nobody_is_asked(tmp_path: Path) -> None:
    wrong = Submission(
        link="nonsense",
        ref="--x",
        script_path="../x.py",
        script_args="'open",
        requirements="===",
        python="two",
        env={"PATH": "x"},
        token="a b",
    )
    settings = Settings(home=tmp_path / "home")
    found = inspect(wrong, settings, Source(settings), Machine(False, 0))
    fields = {error.field for error in found.errors}
    assert fields == {
        *("link", "ref", "script_path", "script_args", "requirements", "python", "env", "token")
    }
    assert not (tmp_path / "home").exists()


def test_the_command_line_reads_a_token_by_the_name_of_its_variable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    parser = argparse.ArgumentParser()
    add_submission_options(parser)
    asked = parser.parse_args(["a/b", "--submodules", "--token-env", "MY_TOKEN"])
    asked.script_args = []
    with pytest.raises(InvalidInput, match="MY_TOKEN"):
        submission_of(asked)
    monkeypatch.setenv("MY_TOKEN", "t0ken")
    submission = submission_of(asked)
    assert submission.submodules
    assert submission.token.get_secret_value() == "t0ken"


def test_a_preflight_reads_well_in_a_terminal(tmp_path: Path) -> None:
    found = Inspection(TokenVault(tmp_path))
    found.ok("commit", "main is commit 1234.")
    found.warn("no_gpu", "No GPU.", "Use the CPU.")
    lr = ScriptArgument(name="lr", flags=("--lr",), type="float", default=0.1, help="rate")
    flag = ScriptArgument(name="x", flags=("-x",), is_flag=True, required=True)
    report = Preflight.model_validate({**found.report().model_dump(), "arguments": (lr, flag)})
    assert describe_preflight(report).splitlines() == [
        "ok    main is commit 1234.",
        "warn  No GPU. Use the CPU.",
        "",
        "Arguments:",
        "  --lr float  (default 0.1)  rate",
        "  -x  (required)",
    ]
