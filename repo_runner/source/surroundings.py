"""What git sees of the world: built from nothing; only https works, nothing is executed."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from repo_runner.paths import HomePaths
from repo_runner.settings import Settings
from repo_runner.source.credentials import authorization

#: The configuration of every git command, in place of the machine's and the person's.
_CONFIG = {
    "protocol.allow": "never",
    "protocol.https.allow": "always",
    # A redirect may lead to another host; a moved repository is reported instead.
    "http.followRedirects": "false",
    "http.lowSpeedLimit": "1000",
    "credential.helper": "",
    "core.askPass": "",
    "core.hooksPath": os.devnull,
    "core.fsmonitor": "false",
    "submodule.recurse": "false",
    "transfer.fsckObjects": "true",
    "transfer.bundleURI": "false",
    # Objects always arrive as a pack, whose growth is watched; nothing is tidied up meanwhile.
    "fetch.unpackLimit": "1",
    "gc.auto": "0",
    "maintenance.auto": "false",
    # What is here is never told: a mirror holds single commits; missing blobs are asked for by id.
    "fetch.negotiationAlgorithm": "noop",
}
_LOW_SPEED_TIME_S = 60


def git_env(
    settings: Settings, repo_url: str, *, is_partial_fetch: bool = False, asks_host: bool = False
) -> dict[str, str]:
    """The whole environment of a git command about `repo_url`.

    Only a command that asks the host gets its token.
    Only a partial fetch is told of the promisor: every other command then fails on a missing object
    instead of fetching it by itself (git's own switch, GIT_NO_LAZY_FETCH, came with 2.45).
    """
    slow_s = max(1, min(_LOW_SPEED_TIME_S, int(settings.fetch_timeout_s)))
    config = {**_CONFIG, "remote.origin.url": repo_url, "http.lowSpeedTime": str(slow_s)}
    config |= {f"url.{actual}.insteadOf": asked for actual, asked in settings.git_instead_of}
    if is_partial_fetch:
        config |= {
            "remote.origin.promisor": "true",
            "remote.origin.partialCloneFilter": "blob:none",
        }
    if is_partial_fetch or asks_host:
        config |= authorization(settings, repo_url)
    home = empty_home(settings)
    return {
        "PATH": os.defpath,
        **settings.git_env,
        "HOME": str(home),
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CEILING_DIRECTORIES": str(home.parent),
        "GIT_ALLOW_PROTOCOL": "https",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "false",
        "GIT_LITERAL_PATHSPECS": "1",
        "GIT_NO_LAZY_FETCH": "0" if is_partial_fetch else "1",
        **_as_variables(config),
    }


def empty_home(settings: Settings) -> Path:
    """A folder without any personal file: no .netrc, no .gitconfig."""
    home = HomePaths(settings.home).mirrors / ".empty"
    home.mkdir(parents=True, exist_ok=True)
    return home


def _as_variables(config: Mapping[str, str]) -> dict[str, str]:
    """Configuration by environment: never in argv, never in a file."""
    pairs = {"GIT_CONFIG_COUNT": str(len(config))}
    for number, (key, value) in enumerate(config.items()):
        pairs |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return pairs
