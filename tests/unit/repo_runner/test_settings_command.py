"""The settings in force are printed, and no secret with them."""

from __future__ import annotations

import json
from dataclasses import fields

import pytest

from repo_runner import cli
from repo_runner.settings import PREFIX, Settings

SECRETS = {
    "REPO_RUNNER_DATABASE_URL": "postgresql://runner:s3cret@db.example/runs",
    "REPO_RUNNER_RAY_TOKEN": "s3cret",
    "REPO_RUNNER_GIT_TOKENS": "github.com=GITHUB_TOKEN",
    "GITHUB_TOKEN": "s3cret",
    "REPO_RUNNER_SECRET_VARIABLES": "WANDB",
    "WANDB": "s3cret",
    "REPO_RUNNER_TOKEN": "s3cret",
    "REPO_RUNNER_SESSION_KEY": "s3cret",
    "UV_INDEX_URL": "https://user:s3cret@index.example/simple",
    "UV_EXTRA_INDEX_URL": "https://index.example/a https://s3cret@index.example/b",
    "PIP_PROXY_PASSWORD": "s3cret",
}


def test_every_setting_is_printed_as_one_would_set_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("REPO_RUNNER_ALLOWED_HOSTS", "github.com gitlab.com")
    assert cli.main(["settings", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["REPO_RUNNER_ALLOWED_HOSTS"] == "github.com gitlab.com"
    assert found["REPO_RUNNER_MAX_WAITING"] == "1000"
    made_by_the_app = {"token", "address", "session_key", "operator_secrets"}
    asked = {f.name for f in fields(Settings) if not f.name.endswith("_env")} - made_by_the_app
    assert asked <= {name.removeprefix(PREFIX).lower() for name in found}


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_no_secret_is_printed_but_that_it_is_there(
    form: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    assert cli.main(["settings", *form]) == 0
    printed = capsys.readouterr().out
    assert "s3cret" not in printed
    for shown in ("runner:***@db.example/runs", "github.com=***", "user:***@index.example"):
        assert shown in printed
