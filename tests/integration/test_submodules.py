"""Submodules: named and left out by default, fetched from the same host when asked for; Git LFS pointers are named."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from examples.git_server import Behaviour, GitServer
from repo_runner.errors import AuthRequired, QuotaExceeded, RepoNotFound, SourceError
from repo_runner.models import Finding, Submission
from repo_runner.preflight import inspect
from repo_runner.settings import Settings
from repo_runner.source import CheckoutReport, Source
from tests.git_fixtures import MakeRepo, half_written, repo_name

GITMODULES = '[submodule "{name}"]\n\tpath = {path}\n\turl = {url}\n'


def outer(
    server: GitServer, name: str, parts: dict[str, tuple[str, str]], **more: str
) -> tuple[str, str]:
    """A repository with submodules: path → address, commit."""
    text = "".join(
        GITMODULES.format(name=path, path=path, url=url) for path, (url, _) in parts.items()
    )
    files = {"train.py": "print('hello')\n", ".gitmodules": text, **more}
    commits = {path: sha for path, (_, sha) in parts.items()}
    sha = server.commit(f"tests/{name}", files, submodules=commits)
    return server.url(f"tests/{name}"), sha


def check_out_all(
    settings: Settings, url: str, sha: str, to: Path, heard: list[str]
) -> CheckoutReport:
    return Source(settings).check_out(
        url, sha, to, on_progress=lambda *said: heard.append(said[2]), submodules=True
    )


def look(settings: Settings, url: str, **more: object) -> dict[str, Finding]:
    found = inspect(Submission(link=url, **more), settings, Source(settings))
    return {row.code: row for row in found.report().findings}


@pytest.fixture
def inner(make_repo: MakeRepo) -> tuple[str, str]:
    """What is inside: two files."""
    return make_repo({"lib.py": "x = 1\n", "data/big.bin": os.urandom(5000)})


def test_submodules_are_fetched_when_asked_for_with_their_sizes(
    git_settings: Settings, git_server: GitServer, inner: tuple[str, str], tmp_path: Path
) -> None:
    url, sha = inner
    relative = f"../{url.rsplit('/', 1)[1]}.git"
    parts = {"libs/a": (f"{url}.git", sha), "libs/b": (relative, sha)}
    link, top = outer(git_server, "outer", parts)
    heard: list[str] = []
    report = check_out_all(git_settings, link, top, tmp_path / "c", heard)
    assert (tmp_path / "c" / "libs" / "a" / "lib.py").read_text() == "x = 1\n"
    assert (tmp_path / "c" / "libs" / "b" / "data" / "big.bin").stat().st_size == 5000
    assert dict(report.submodules) == {"libs/a": 5006, "libs/b": 5006}
    assert report.files == 6
    assert "libs/b (2 of 2): 2 files, 0.0 MB" in heard
    before = len(git_server.requests)
    assert check_out_all(git_settings, link, top, tmp_path / "again", []).reused
    assert git_server.requests[before:] == []


def test_a_submodule_s_own_commits_can_be_read_in_the_work_tree(
    git_settings: Settings, git_server: GitServer, inner: tuple[str, str], tmp_path: Path
) -> None:
    link, top = outer(git_server, "readable", {"a": inner})
    check_out_all(git_settings, link, top, tmp_path / "c", [])
    assert (tmp_path / "c" / "a" / ".git" / "HEAD").read_text().strip() == inner[1]
    assert inner[0] in (tmp_path / "c" / "a" / ".git" / "config").read_text()


def test_by_default_they_are_named_and_left_out(
    git_settings: Settings, git_server: GitServer, inner: tuple[str, str], tmp_path: Path
) -> None:
    link, top = outer(git_server, "default", {"libs/a": inner})
    row = look(git_settings, link)["submodules"]
    assert (row.level, "libs/a" in row.message) == ("warn", True)
    assert look(git_settings, link, submodules=True)["submodules"].level == "ok"
    Source(git_settings).check_out(link, top, tmp_path / "c", on_progress=lambda *_: None)
    assert list((tmp_path / "c" / "libs" / "a").iterdir()) == []


@pytest.mark.parametrize(
    "address",
    [
        *("https://example.org/a/b", "http://{host}/a/b", "ssh://git@{host}/a/b", "/tmp/x"),
        *("ext::touch x", "file:///tmp/x", "https://me:pw@{host}/a/b", "../../../../x"),
        *("--upload-pack=x", ""),
    ],
)
def test_a_submodule_from_elsewhere_is_refused_before_anybody_is_asked(
    git_settings: Settings, git_server: GitServer, tmp_path: Path, address: str
) -> None:
    url = address.format(host=git_server.host)
    link, top = outer(git_server, f"elsewhere-{abs(hash(address))}", {"a": (url, "1" * 40)})
    before = len(git_server.requests)
    with pytest.raises(SourceError, match="submodule a cannot be fetched"):
        check_out_all(git_settings, link, top, tmp_path / "c", [])
    assert not [r for r in git_server.requests[before:] if repo_name(link) not in r]
    assert not list(tmp_path.glob("c*"))
    assert look(git_settings, link, submodules=True)["submodule_unreachable"].level == "warn"


def test_a_submodule_that_is_missing_private_or_too_large_ends_the_fetch_by_its_name(
    git_settings: Settings, git_server: GitServer, inner: tuple[str, str], tmp_path: Path
) -> None:
    gone, top = outer(git_server, "gone", {"a": (git_server.url("tests/nowhere"), "1" * 40)})
    with pytest.raises(RepoNotFound, match="The submodule a cannot be fetched"):
        check_out_all(git_settings, gone, top, tmp_path / "c", [])
    large, top = outer(git_server, "large", {"a": inner})
    tight = replace(git_settings, max_repo_bytes=5020)
    with pytest.raises(QuotaExceeded):
        check_out_all(tight, large, top, tmp_path / "c", [])
    git_server.behaviour[repo_name(inner[0])] = Behaviour(auth="x-access-token:tok3n")
    fresh = replace(git_settings, home=tmp_path / "fresh")
    with pytest.raises(AuthRequired, match="The submodule a"):
        check_out_all(fresh, large, top, tmp_path / "c", [])
    with_token = replace(fresh, git_tokens={git_server.host: "tok3n"})
    assert check_out_all(with_token, large, top, tmp_path / "c", []).files == 4
    assert half_written(git_settings) == []


def test_a_submodule_of_a_submodule_is_left_out(
    git_settings: Settings, git_server: GitServer, inner: tuple[str, str], tmp_path: Path
) -> None:
    middle = outer(git_server, "middle", {"deep": inner})
    link, top = outer(git_server, "top", {"mid": middle})
    check_out_all(git_settings, link, top, tmp_path / "c", [])
    assert (tmp_path / "c" / "mid" / "train.py").is_file()
    assert list((tmp_path / "c" / "mid" / "deep").iterdir()) == []


def test_files_in_git_lfs_are_named_with_their_size(
    git_settings: Settings, make_repo: MakeRepo
) -> None:
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'a' * 64}\nsize 12000000\n"
    url, _ = make_repo(
        {
            "train.py": "",
            ".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\nmodels/** filter=lfs\n",
            "data/a.bin": pointer,
            "models/deep/b.pt": pointer,
            "data/real.bin": "not a pointer",
        }
    )
    row = look(git_settings, url)["lfs_pointers"]
    assert (row.level, "24.0 MB" in row.message) == ("warn", True)
    assert "data/a.bin, models/deep/b.pt" in row.message
