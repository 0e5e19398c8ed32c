"""Names become commits, and a commit's files can be listed, read and named as scripts."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from examples.git_server import GitServer
from repo_runner.errors import InvalidInput, RefNotFound, ScriptNotFound, SourceError
from repo_runner.github_link import GithubLink, parse_link
from repo_runner.source import Source
from tests.git_fixtures import MakeRepo, RepoFrom, check_out, repo_name

SCRIPT = {"train.py": "print('hello')\n", "requirements.txt": "\n", "a/b.py": "x = 1\n"}


@pytest.fixture(scope="module")
def repo(git_server: GitServer, make_repo: MakeRepo) -> dict[str, str]:
    """A repository with a ref of every kind; by name the commit it should lead to."""
    url, first = make_repo(SCRIPT)
    name = repo_name(url)
    git_server.git(name, "tag", "plain", first)
    second = git_server.commit(name, {"second.py": ""})
    git_server.git(name, "tag", "--annotate", "-m", "a tag", "annotated", second)
    third = git_server.commit(name, {"third.py": ""})
    slash = git_server.commit(name, {"deep/file.py": ""}, branch="feature/slash")
    pull = git_server.commit(name, {"pull.py": ""}, branch="of-a-pull")
    git_server.git(name, "update-ref", "refs/pull/7/head", pull)
    git_server.git(name, "update-ref", "-d", "refs/heads/of-a-pull")
    git_server.git(name, "tag", "both", first)
    git_server.git(name, "branch", "both", second)
    known = {"": third, "main": third, "plain": first, "annotated": second, "both": second}
    known |= {"feature/slash": slash, "refs/pull/7/head": pull, "refs/tags/both": first}
    known |= {"heads/main": third, second: second, second[:8]: second, third[:7]: third}
    return {"url": url, **known}


def test_every_kind_of_ref_leads_to_its_commit(repo: dict[str, str], source: Source) -> None:
    url = repo["url"]
    asked = {name: sha for name, sha in repo.items() if name != "url"}
    assert {name: source.resolve(GithubLink(url), name).commit_sha for name in asked} == asked


def test_without_a_ref_the_default_branch_is_named(repo: dict[str, str], source: Source) -> None:
    assert source.resolve(GithubLink(repo["url"])).ref == "main"
    assert source.refs(repo["url"]).default_branch == "main"


@pytest.mark.parametrize(
    ("tail", "ref", "path"),
    [
        ("main", "main", ""),
        ("main/a/b.py", "main", "a/b.py"),
        ("feature/slash/deep/file.py", "feature/slash", "deep/file.py"),
        ("refs/heads/feature/slash/deep", "refs/heads/feature/slash", "deep"),
        ("annotated/train.py", "annotated", "train.py"),
    ],
)
def test_a_link_to_a_file_is_split_by_what_the_remote_has(
    repo: dict[str, str], source: Source, git_server: GitServer, tail: str, ref: str, path: str
) -> None:
    link = parse_link(f"{repo['url']}/blob/{tail}", allowed_hosts=[git_server.host])
    resolved = source.resolve(link)
    assert (resolved.ref, resolved.path) == (ref, path)
    assert source.resolve(link, "plain").path == path
    assert source.resolve(link, "plain").commit_sha == repo["plain"]


def test_an_unknown_ref_is_reported_with_its_nearest_names(
    repo: dict[str, str], source: Source
) -> None:
    with pytest.raises(RefNotFound, match="no branch, tag or commit 'mian'") as caught:
        source.resolve(GithubLink(repo["url"]), "mian")
    assert caught.value.field == "ref"
    assert "main" in caught.value.hint_text


@pytest.mark.parametrize("ref", ["0123456", "0" * 40])
def test_a_commit_that_does_not_exist_is_reported(
    repo: dict[str, str], source: Source, ref: str
) -> None:
    with pytest.raises(RefNotFound) as caught:
        source.resolve(GithubLink(repo["url"]), ref)
    assert caught.value.field == "ref"


def test_an_empty_repository_is_reported(git_server: GitServer, source: Source) -> None:
    git_server.commit("tests/empty", {}, branch="gone")
    git_server.git("tests/empty", "update-ref", "-d", "refs/heads/gone")
    with pytest.raises(RefNotFound, match="empty"):
        source.resolve(GithubLink(git_server.url("tests/empty")))


def test_files_are_listed_and_read_without_fetching_the_others(
    source: Source, git_server: GitServer, make_repo: MakeRepo
) -> None:
    url, sha = make_repo({**SCRIPT, "large.bin": os.urandom(300_000)})
    assert source.files(url, sha) == ("a/b.py", "large.bin", "requirements.txt", "train.py")
    assert source.read(url, sha, "a/b.py") == b"x = 1\n"
    name = repo_name(url)
    mirror = next((source._settings.home / "cache" / "mirrors").glob(f"*/{name}.git"))
    assert sum(file.stat().st_size for file in mirror.rglob("*.pack")) < 10_000


def test_a_file_that_is_missing_or_too_long_is_not_read(
    source: Source, make_repo: MakeRepo
) -> None:
    url, sha = make_repo({"long.txt": "x" * 100})
    with pytest.raises(ScriptNotFound):
        source.read(url, sha, "short.txt")
    with pytest.raises(SourceError, match="longer than 99 bytes"):
        source.read(url, sha, "long.txt", max_bytes=99)
    assert len(source.read(url, sha, "long.txt", max_bytes=100)) == 100


SCRIPTS = {
    "/etc/passwd": "inside",
    "../outside.py": "inside",
    "a/../../x.py": "inside",
    "train.py\0": "Name the script",
    "": "Name the script",
    "a": "not a Python file",
    "folder.py": "not a regular file",
    "pipe.py": "not a regular file",
    "requirements.txt": "not a Python file",
    "out.py": "symbolic link",
    "linked/b.py": "symbolic link",
    "inside.py": "symbolic link",
    "missing.py": "does not exist",
    "train.py/x.py": "does not exist",
}


def test_A3_a_script_that_is_not_the_repository_s_own_file_is_refused(
    source: Source, git_server: GitServer, tmp_path: Path
) -> None:
    links = {"out.py": "/etc/passwd", "linked": "a", "inside.py": "train.py"}
    sha = git_server.commit("tests/scripts", {**SCRIPT, "folder.py/x.txt": ""}, links=links)
    check_out(source, git_server.url("tests/scripts"), sha, tmp_path / "c")
    os.mkfifo(tmp_path / "c" / "pipe.py")
    for script, reason in SCRIPTS.items():
        with pytest.raises(InvalidInput, match=reason) as caught:
            source.check_script(tmp_path / "c", script)
        assert caught.value.field == "script_path"


def test_the_script_is_found_by_its_real_path(
    source: Source, repo_from: RepoFrom, tmp_path: Path
) -> None:
    url, sha = repo_from("symlink_out")
    check_out(source, url, sha, tmp_path / "c")
    assert source.check_script(tmp_path / "c", "./real.py") == tmp_path / "c" / "real.py"
    with pytest.raises(InvalidInput, match="symbolic link"):
        source.check_script(tmp_path / "c", "train.py")
