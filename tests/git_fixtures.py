"""Real git over https for every test: tiny repositories, served on loopback."""

from __future__ import annotations

import contextlib
import itertools
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from examples.git_server import GitServer
from repo_runner.settings import Settings
from repo_runner.source import CheckoutReport, Source

REPOS = Path(__file__).parent / "repos"

MakeRepo = Callable[..., tuple[str, str]]
RepoFrom = Callable[..., tuple[str, str]]

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def git_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitServer]:
    """One server for all tests; every test makes repositories of its own on it."""
    with GitServer(tmp_path_factory.mktemp("git_server")) as server:
        yield server


@pytest.fixture(scope="session")
def git_env(git_server: GitServer) -> dict[str, str]:
    """What git needs to trust the server: for `Settings.git_env`, or for a process."""
    return {"PATH": os.environ["PATH"], "GIT_SSL_CAINFO": str(git_server.ca_file)}


@pytest.fixture
def git_settings(git_server: GitServer, git_env: dict[str, str], tmp_path: Path) -> Settings:
    """Settings with a fresh data folder that allow the test server and nothing else."""
    return Settings(home=tmp_path / "home", allowed_hosts=(git_server.host,), git_env=git_env)


@pytest.fixture
def source(git_settings: Settings) -> Source:
    """A source with nothing in its mirrors."""
    return Source(git_settings)


@pytest.fixture(scope="session")
def make_repo(git_server: GitServer) -> MakeRepo:
    """`make_repo({"train.py": "…"}) -> (url, sha)`: a new repository with one commit."""

    def make(files: dict[str, str | bytes], *, branch: str = "main") -> tuple[str, str]:
        name = f"tests/repo-{next(_numbers)}"
        sha = git_server.commit(name, files, branch=branch)
        return git_server.url(name), sha

    return make


@pytest.fixture(scope="session")
def repo_from(git_server: GitServer) -> RepoFrom:
    """`repo_from("minimal") -> (url, sha)`: a new repository with the content of a folder.

    Any other folder goes by its path. `symlink_out` is made here: a checked-in link out of the tree
    would bother every tool.
    """

    def make(folder: Path | str) -> tuple[str, str]:
        path = REPOS / folder
        name = f"tests/{path.name}-{next(_numbers)}"
        sha = (
            _symlink_out(git_server, name)
            if path.name == "symlink_out"
            else git_server.add(name, path)
        )
        return git_server.url(name), sha

    return make


def check_out(
    source: Source, url: str, sha: str, to: Path, cancel: threading.Event | None = None
) -> CheckoutReport:
    """A checkout whose progress nobody hears."""
    return source.check_out(url, sha, to, on_progress=lambda *_: None, cancel=cancel)


def gits_at_work(settings: Settings) -> list[psutil.Process]:
    """The git processes that work for a data folder."""
    mine = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get("HOME", "").startswith(str(settings.home)):
                mine.append(process)
    return mine


def half_written(settings: Settings) -> list[Path]:
    """What an interrupted git leaves in the mirrors."""
    mirrors = settings.home / "cache" / "mirrors"
    return [path for pattern in ("tmp_*", "*.lock") for path in mirrors.rglob(pattern)]


def repo_name(url: str) -> str:
    """`owner/name` of a served address, as `GitServer.behaviour` and `GitServer.git` know it."""
    return "/".join(url.split("/")[-2:])


def _symlink_out(server: GitServer, name: str) -> str:
    links = {
        "train.py": "/etc/passwd",
        "up.py": "../../../outside.py",
        "folder": "/tmp",
        "inside.py": "real.py",
    }
    return server.commit(name, {"real.py": "print('real')\n"}, links=links)
