"""`python -m repo_runner settings`: what the app on this environment would go by."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import fields
from urllib.parse import urlsplit

from repo_runner.client import Client
from repo_runner.settings import PREFIX, Settings

#: Made by the app, or shown in other words.
_LEFT_OUT = {
    *("address", "token", "session_key", "own_env", "script_env", "git_env", "installer_env"),
    *("git_tokens", "operator_secrets", "ray_token", "home"),
}
_MASK = "***"


def show_settings(_client: Client, asked: argparse.Namespace) -> int:
    """Print the settings in force, secrets masked."""
    found = dict(in_force(Settings.from_env()))
    if asked.json:
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
    else:
        width = max(map(len, found))
        sys.stdout.writelines(f"{n:{width}}  {v}".rstrip() + "\n" for n, v in found.items())
    return 0


def in_force(settings: Settings) -> Iterator[tuple[str, str]]:
    """Every variable with its value, as one would set it; of a secret only that it is there."""
    yield f"{PREFIX}HOME", str(settings.home)
    for each in fields(settings):
        if each.name not in _LEFT_OUT:
            yield PREFIX + each.name.upper(), _text(getattr(settings, each.name))
    yield f"{PREFIX}RAY_TOKEN", _MASK if settings.ray_token else ""
    yield f"{PREFIX}GIT_TOKENS", " ".join(f"{host}={_MASK}" for host in settings.git_tokens)
    for name in sorted(settings.operator_secrets):
        yield name, _MASK
    yield from sorted(_installer(settings.installer_env))


def _installer(env: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The package installers' own variables are settings too; an address may hold a password."""
    for name, value in env.items():
        if name.startswith(("UV_", "PIP_")):
            is_secret = any(word in name for word in ("PASSWORD", "TOKEN"))
            yield name, _MASK if is_secret else _text(value)


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return " ".join("=".join(item) if isinstance(item, tuple) else item for item in value)
    return " ".join(map(_without_password, str(value).split(" ")))


def _without_password(word: str) -> str:
    """An address whose password is masked; anything else as it is."""
    name, at, host = urlsplit(word).netloc.rpartition("@") if "://" in word else ("", "", "")
    masked = f"{name.partition(':')[0]}:{_MASK}" if ":" in name else _MASK
    return word.replace(f"{name}{at}{host}", f"{masked}@{host}", 1) if at else word
