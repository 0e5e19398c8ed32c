"""What a hostile repository, or a hostile surrounding, cannot do."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from examples.git_server import Behaviour, GitServer
from repo_runner.errors import (
    AuthRequired,
    QuotaExceeded,
    RunnerError,
)
from repo_runner.github_link import GithubLink
from repo_runner.settings import Settings
from repo_runner.source import Source
from tests.git_fixtures import MakeRepo, check_out, half_written, repo_name

LARGE = {"train.py": "print('hello')\n", "large.bin": os.urandom(400_000)}


@pytest.mark.parametrize("kind", ["file", "http", "ssh", "git", "ext"])
def test_B8_no_protocol_but_https_is_ever_spoken(git_settings: Settings, kind: str) -> None:
    """Even where the operator's own rewriting of addresses asks for another."""
    rewritten = replace(git_settings, git_instead_of=((f"{kind}://x/", "https://github.com/"),))
    with pytest.raises(RunnerError) as caught:
        Source(rewritten).resolve(GithubLink("https://github.com/owner/repo"))
    assert "not allowed" in " ".join(caught.value.lines)


def test_B4_too_many_files_are_refused_before_their_content_is_fetched(
    git_settings: Settings, make_repo: MakeRepo, tmp_path: Path
) -> None:
    url, sha = make_repo({f"{n}.py": f"{n}" for n in range(20)})
    with pytest.raises(QuotaExceeded, match="20 files; at most 19"):
        check_out(Source(replace(git_settings, max_repo_files=19)), url, sha, tmp_path / "c")


def test_B4_too_many_bytes_are_refused_while_they_arrive(
    git_settings: Settings, git_server: GitServer, make_repo: MakeRepo, tmp_path: Path
) -> None:
    url, sha = make_repo(LARGE)
    git_server.behaviour[repo_name(url)] = Behaviour(stall_after_bytes=300_000)
    with pytest.raises(QuotaExceeded):
        check_out(Source(replace(git_settings, max_repo_bytes=100_000)), url, sha, tmp_path / "c")
    assert half_written(git_settings) == []


def test_B4_a_file_that_unpacks_to_far_more_is_refused_before_it_is_written(
    git_settings: Settings, make_repo: MakeRepo, tmp_path: Path
) -> None:
    url, sha = make_repo({"bomb.bin": bytes(20_000_000)})
    with pytest.raises(QuotaExceeded):
        check_out(
            Source(replace(git_settings, max_repo_bytes=10_000_000)), url, sha, tmp_path / "c"
        )
    assert not list(tmp_path.glob("c*"))


def test_B5_nothing_a_repository_brings_is_executed(
    git_settings: Settings, git_server: GitServer, tmp_path: Path
) -> None:
    canary = tmp_path / "canary"
    touch = f"touch {canary}"
    files: dict[str, str | bytes] = {
        ".gitattributes": "*.py filter=evil diff=evil\n*.bin filter=lfs\n",
        ".gitmodules": f'[submodule "s"]\n\tpath = s\n\turl = ext::{touch}\n\tupdate = !{touch}\n',
        ".gitconfig": f'[filter "evil"]\n\tsmudge = {touch}\n[core]\n\tfsmonitor = {touch}\n',
        "hooks/post-checkout": f"#!/bin/sh\n{touch}\n",
        "train.py": "print('hello')\n",
        "model.bin": "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n",
    }
    submodule = {"s": "1" * 40}
    sha = git_server.commit("tests/hostile", files, submodules=submodule)
    report = check_out(Source(git_settings), git_server.url("tests/hostile"), sha, tmp_path / "c")
    subprocess.run(["git", "rev-parse", "HEAD"], cwd=tmp_path / "c", check=True)
    assert report.files == len(files)
    assert not canary.exists()
    assert (tmp_path / "c" / "model.bin").read_text().startswith("version https://git-lfs")
    assert list((tmp_path / "c" / "s").iterdir()) == []


def test_B6_a_symlink_farm_is_written_as_links_and_never_followed(
    git_settings: Settings, git_server: GitServer, tmp_path: Path
) -> None:
    links = {"root": "/", "loop": "loop", "up": "..", "other": "../../other-run"}
    sha = git_server.commit("tests/farm", {"train.py": ""}, links=links)
    check_out(Source(git_settings), git_server.url("tests/farm"), sha, tmp_path / "c")
    assert {name: str((tmp_path / "c" / name).readlink()) for name in links} == links
    assert Source(git_settings).read(git_server.url("tests/farm"), sha, "root") == b"/"


def test_B5_nothing_of_the_host_s_git_settings_reaches_a_fetch(
    git_settings: Settings, make_repo: MakeRepo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, sha = make_repo(LARGE)
    canary = tmp_path / "canary"
    (tmp_path / ".gitconfig").write_text(f'[core]\n\tfsmonitor = "touch {canary}"\n[')
    hostile = {
        "HOME": str(tmp_path),
        "GIT_TRACE": str(canary),
        "GIT_DIR": "/nowhere",
        "GIT_INDEX_FILE": "/nowhere",
        "GIT_OBJECT_DIRECTORY": "/nowhere",
        "GIT_EXEC_PATH": "/nowhere",
        "GIT_CONFIG_PARAMETERS": "'http.sslVerify'='oops",
        "GIT_CONFIG_COUNT": "1",
        "GIT_SSH_COMMAND": f"touch {canary}",
        "GIT_PROXY_COMMAND": f"touch {canary}",
    }
    for name, value in hostile.items():
        monkeypatch.setenv(name, value)
    assert Source(git_settings).resolve(GithubLink(url)).commit_sha == sha
    assert check_out(Source(git_settings), url, sha, tmp_path / "c").files == 2
    assert not canary.exists()


def test_B9_a_secret_in_git_s_words_is_masked(
    git_settings: Settings, git_server: GitServer, make_repo: MakeRepo
) -> None:
    url, _ = make_repo(LARGE)
    secret = "https://me:ghp_verysecret@" + git_server.host + "/"
    leaky = replace(git_settings, git_instead_of=((secret, "https://github.com/"),))
    git_server.behaviour[repo_name(url)] = Behaviour(auth="you:other")
    with pytest.raises(AuthRequired) as caught:
        Source(leaky).resolve(GithubLink(f"https://github.com/{repo_name(url)}"))
    assert "verysecret" not in str(caught.value.as_dict())
