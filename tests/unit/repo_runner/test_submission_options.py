"""The command line's words for what a script is given."""

from __future__ import annotations

import argparse

import pytest

from repo_runner.errors import InvalidInput
from repo_runner.submission_options import add_submission_options, submission_of


def asked(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_submission_options(parser)
    return argparse.Namespace(**vars(parser.parse_args(["a/b", *words])), script_args=[])


def test_variables_secrets_and_the_sandbox_are_words_of_the_command_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("WANDB_API_KEY", "of-this-shell")
    words = ["--env", "SEED=a=b", "--env", "WANDB_API_KEY", "--secret-ref", "HF_TOKEN=TEAM_TOKEN"]
    words += ["--secret", "WANDB_API_KEY"]
    given = submission_of(asked(*words, "--secret-ref", "OTHER", "--sandbox", "landlock"))
    assert given.secret_env["WANDB_API_KEY"].get_secret_value() == "of-this-shell"
    assert given.env == {"SEED": "a=b", "WANDB_API_KEY": "of-this-shell"}
    assert given.secret_refs == {"HF_TOKEN": "TEAM_TOKEN", "OTHER": "OTHER"}
    assert given.sandbox == "landlock"
    assert submission_of(asked()).sandbox == ""


def test_a_variable_that_this_shell_lacks_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    with pytest.raises(InvalidInput, match="WANDB_API_KEY") as caught:
        submission_of(asked("--env", "WANDB_API_KEY"))
    assert caught.value.field == "env"
