"""Persons by token list and by proxy, and the settings that must not be followed."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from components.exposure import require_safe
from repo_runner.access.gate import Gate
from repo_runner.access.keys import derive
from repo_runner.access.person import Person, Role
from repo_runner.access.proxy import SECRET_HEADER
from repo_runner.access.session import cookie_name, seal
from repo_runner.access.token_list import new_token
from repo_runner.errors import InvalidInput
from repo_runner.settings import Settings

SECRET = "s" * 40
ADA = Person("ada@example.org", Role.SUBMITTER)


def private(path: Path, text: str, mode: int = 0o600) -> str:
    path.write_text(text)
    path.chmod(mode)
    return str(path)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, token="t" * 40, session_key=derive("t" * 40, "sessions"))


@pytest.fixture
def team(settings: Settings, tmp_path: Path) -> Settings:
    return replace(
        settings,
        external_url="https://runner.example",
        ui_port=7502,
        identity_header="X-Forwarded-Email",
        role_header="X-Forwarded-Groups",
        role_names=("ml=submitter", "ml-admins=operator"),
        proxy_secret_file=private(tmp_path / "proxy", SECRET + "\n"),
    )


def values(*headers: tuple[str, str]) -> Callable[[str], list[str]]:
    return lambda name: [value for key, value in headers if key.lower() == name.lower()]


def as_proxy(*more: tuple[str, str]) -> Callable[[str], list[str]]:
    return values((SECRET_HEADER, SECRET), *more)


NAMED = ("x-forwarded-email", ADA.name)


@pytest.mark.parametrize(
    ("groups", "role"),
    [
        (["ml"], Role.SUBMITTER),
        (["everybody, ml ,ml-admins"], Role.OPERATOR),
        (["ml", "viewer"], Role.SUBMITTER),
        (["operator"], Role.OPERATOR),
    ],
)
def test_the_proxy_names_a_person_and_the_highest_of_their_roles(
    team: Settings, groups: list[str], role: Role
) -> None:
    asked = as_proxy(NAMED, *(("x-forwarded-groups", g) for g in groups))
    assert Gate(team).by_browser(asked) == Person(ADA.name, role)


@pytest.mark.parametrize(
    "headers",
    [
        [NAMED, ("x-forwarded-groups", "ml")],
        [(SECRET_HEADER, "s" * 39), NAMED, ("x-forwarded-groups", "ml")],
        [(SECRET_HEADER, SECRET), (SECRET_HEADER, SECRET), NAMED, ("x-forwarded-groups", "ml")],
        [(SECRET_HEADER, SECRET), ("x-forwarded-groups", "ml")],
        [(SECRET_HEADER, SECRET), NAMED, NAMED, ("x-forwarded-groups", "ml")],
        [(SECRET_HEADER, SECRET), ("x-forwarded-email", ""), ("x-forwarded-groups", "ml")],
        [(SECRET_HEADER, SECRET), NAMED],
        [(SECRET_HEADER, SECRET), NAMED, ("x-forwarded-groups", "strangers")],
        [(SECRET_HEADER, "é"), NAMED, ("x-forwarded-groups", "ml")],
    ],
)
def test_without_the_secret_one_name_and_a_role_nobody_is_known(
    team: Settings, headers: list[tuple[str, str]]
) -> None:
    assert Gate(team).by_browser(values(*headers)) is None


def test_a_person_without_a_role_has_the_default_one_if_there_is_one(team: Settings) -> None:
    gate = Gate(replace(team, default_role="viewer"))
    assert gate.by_browser(as_proxy(NAMED)) == Person(ADA.name, Role.VIEWER)


def test_a_session_does_not_help_where_the_proxy_names_nobody(team: Settings) -> None:
    operator = seal(team.session_key, Person("root", Role.OPERATOR))
    cookie = ("cookie", f"{cookie_name(team.port)}={operator}")
    gate = Gate(team)
    assert gate.by_browser(as_proxy(cookie)) is None
    assert gate.by_browser(values(cookie)) == Person("root", Role.OPERATOR)


def test_the_identity_header_is_nothing_where_no_proxy_is_configured(settings: Settings) -> None:
    asked = as_proxy(NAMED, ("x-forwarded-groups", "operator"))
    assert Gate(settings).by_browser(asked) is None


def test_a_token_of_the_list_is_its_person_until_its_line_is_taken_out(
    settings: Settings, tmp_path: Path
) -> None:
    token, line = new_token("bob", Role.VIEWER)
    other, other_line = new_token("eve", Role.OPERATOR)
    assert token not in line
    path = tmp_path / "tokens"
    gate = Gate(replace(settings, token_file=private(path, f"# people\n{line}\n{other_line}\n")))
    assert gate.by_token([token]) == Person("bob", Role.VIEWER)
    assert gate.by_token([other]) == Person("eve", Role.OPERATOR)
    assert gate.by_token([settings.token]) == gate.operator
    assert gate.by_token([token, other]) is None
    assert gate.by_token([""]) is gate.by_token([line]) is None
    private(tmp_path / "new", f"{other_line}\n")
    (tmp_path / "new").replace(path)
    os.utime(path, ns=(1, 1))
    assert gate.by_token([token]) is None
    assert gate.by_token([other]) == Person("eve", Role.OPERATOR)


def unsafe(**changes: Any) -> Callable[[Settings, Path], Settings]:
    return lambda team, _: replace(team, **changes)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (unsafe(bind="0.0.0.0", external_url=""), "REPO_RUNNER_BIND"),
        (unsafe(bind="192.168.1.2", identity_header=""), "REPO_RUNNER_BIND"),
        (unsafe(external_url="http://runner.example"), "REPO_RUNNER_EXTERNAL_URL"),
        (unsafe(external_url="https://runner.example/path"), "REPO_RUNNER_EXTERNAL_URL"),
        (unsafe(external_url="runner.example"), "REPO_RUNNER_EXTERNAL_URL"),
        (unsafe(ui_port=0), "REPO_RUNNER_UI_PORT"),
        (unsafe(proxy_secret_file=""), "REPO_RUNNER_PROXY_SECRET_FILE"),
        (unsafe(proxy_secret_file="/nowhere"), "REPO_RUNNER_PROXY_SECRET_FILE"),
        (unsafe(role_names=("ml=root",)), "REPO_RUNNER_ROLE_NAMES"),
        (unsafe(default_role="root"), "REPO_RUNNER_DEFAULT_ROLE"),
        (
            lambda team, at: replace(team, proxy_secret_file=private(at / "p", "short")),
            "REPO_RUNNER_PROXY_SECRET_FILE",
        ),
        (
            lambda team, at: replace(team, proxy_secret_file=private(at / "p", SECRET, 0o640)),
            "REPO_RUNNER_PROXY_SECRET_FILE",
        ),
        (
            lambda team, at: replace(team, token_file=private(at / "t", "bob viewer", 0o600)),
            "REPO_RUNNER_TOKEN_FILE",
        ),
        (
            lambda team, at: replace(team, token_file=private(at / "t", "", 0o644)),
            "REPO_RUNNER_TOKEN_FILE",
        ),
    ],
)
def test_what_would_let_strangers_in_is_refused_by_name(
    team: Settings, tmp_path: Path, change: Callable[[Settings, Path], Settings], field: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        require_safe(change(team, tmp_path))
    assert refused.value.field == field


def test_a_team_behind_its_proxy_may_be_served_and_loopback_needs_nothing(
    team: Settings, settings: Settings
) -> None:
    require_safe(settings)
    require_safe(team)
    require_safe(replace(team, bind="0.0.0.0"))
