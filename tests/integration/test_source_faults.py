"""What network, host and a killed process do to a fetch, and what is left of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from examples.git_server import Behaviour, GitServer
from repo_runner.errors import (
    AuthRequired,
    FetchInterrupted,
    FetchTimeout,
    HostUnreachable,
    RepoMoved,
    RepoNotFound,
    UntrustedHost,
)
from repo_runner.github_link import GithubLink
from repo_runner.process import ProcessCancelled
from repo_runner.settings import Settings
from repo_runner.source import Source
from tests.git_fixtures import MakeRepo, check_out, gits_at_work, half_written, repo_name
from tests.waiting import wait_for

LARGE = {"train.py": "print('hello')\n", "large.bin": os.urandom(400_000)}


def test_B1_a_private_repository_is_reported_at_once_and_nobody_is_asked(
    git_settings: Settings, git_server: GitServer, make_repo: MakeRepo
) -> None:
    url, _ = make_repo(LARGE)
    git_server.behaviour[repo_name(url)] = Behaviour(auth="me:secret")
    started = time.monotonic()
    with pytest.raises(AuthRequired) as caught:
        Source(git_settings).resolve(GithubLink(url))
    assert time.monotonic() - started < 5
    assert any("could not read Username" in line for line in caught.value.lines)


def test_B1_a_repository_that_does_not_exist_is_reported(
    git_settings: Settings, git_server: GitServer
) -> None:
    with pytest.raises(RepoNotFound) as caught:
        Source(git_settings).resolve(GithubLink(git_server.url("tests/nothing")))
    assert "not found" in caught.value.lines[-1]


@pytest.mark.parametrize("host", ["localhost:1", "no-such-host.invalid"])
def test_B1_a_host_that_cannot_be_reached_is_reported(git_settings: Settings, host: str) -> None:
    with pytest.raises(HostUnreachable):
        Source(git_settings).resolve(GithubLink(f"https://{host}/owner/repo"))


def test_B1_a_host_whose_certificate_is_not_trusted_is_reported(
    git_settings: Settings, make_repo: MakeRepo
) -> None:
    url, _ = make_repo(LARGE)
    careless = replace(git_settings, git_env={"PATH": os.environ["PATH"]})
    with pytest.raises(UntrustedHost):
        Source(careless).resolve(GithubLink(url))


def test_B8_a_redirect_is_not_followed(
    git_settings: Settings, git_server: GitServer, make_repo: MakeRepo
) -> None:
    url, _ = make_repo(LARGE)
    elsewhere, _ = make_repo(LARGE)
    git_server.behaviour[repo_name(url)] = Behaviour(status=301, location=elsewhere)
    before = len(git_server.requests)
    with pytest.raises(RepoMoved):
        Source(git_settings).resolve(GithubLink(url))
    assert not any(repo_name(elsewhere) in asked for asked in git_server.requests[before:])


def test_the_operator_can_send_git_to_a_site_that_mirrors_the_host(
    git_settings: Settings, git_server: GitServer, make_repo: MakeRepo, tmp_path: Path
) -> None:
    url, sha = make_repo(LARGE)
    instead = ((f"https://{git_server.host}/", "https://github.com/"),)
    mirrored = replace(git_settings, git_instead_of=instead)
    asked = f"https://github.com/{repo_name(url)}"
    assert Source(mirrored).resolve(GithubLink(asked)).commit_sha == sha
    check_out(Source(mirrored), asked, sha, tmp_path / "c")
    assert asked in (tmp_path / "c" / ".git" / "config").read_text()


def test_B2_a_server_that_stalls_is_given_up_with_no_git_left(
    git_settings: Settings, git_server: GitServer, make_repo: MakeRepo, tmp_path: Path
) -> None:
    url, sha = make_repo(LARGE)
    hasty = replace(git_settings, fetch_timeout_s=1.0, lookup_timeout_s=0.5)
    Source(hasty).files(url, sha)
    git_server.behaviour[repo_name(url)] = Behaviour(stall_after_bytes=100_000)
    with pytest.raises(FetchTimeout):
        check_out(Source(hasty), url, sha, tmp_path / "c")
    git_server.behaviour[repo_name(url)] = Behaviour(stall_after_bytes=0)
    with pytest.raises(FetchTimeout):
        Source(hasty).resolve(GithubLink(url))
    wait_for(lambda: not gits_at_work(hasty), what="the end of git")
    assert half_written(hasty) == []
    assert not (tmp_path / "c").exists()
    git_server.behaviour.pop(repo_name(url))
    assert not check_out(Source(git_settings), url, sha, tmp_path / "c").reused


def test_a_cancelled_fetch_ends_git_and_leaves_nothing(
    git_settings: Settings, git_server: GitServer, make_repo: MakeRepo, tmp_path: Path
) -> None:
    url, sha = make_repo(LARGE)
    git_server.behaviour[repo_name(url)] = Behaviour(stall_after_bytes=100)
    git_server.stalled.clear()
    cancel = threading.Event()

    def stop() -> None:
        git_server.stalled.wait(10)
        cancel.set()

    threading.Thread(target=stop).start()
    with pytest.raises(ProcessCancelled):
        check_out(Source(git_settings), url, sha, tmp_path / "c", cancel)
    wait_for(lambda: not gits_at_work(git_settings), what="the end of git")
    assert half_written(git_settings) == []


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9])
def test_B3_a_connection_that_always_breaks_is_reported_after_three_tries(
    git_settings: Settings, git_server: GitServer, make_repo: MakeRepo, tmp_path: Path, share: float
) -> None:
    url, sha = make_repo(LARGE)
    Source(git_settings).files(url, sha)
    git_server.behaviour[repo_name(url)] = Behaviour(cut_after_bytes=int(400_000 * share))
    before = len(git_server.requests)
    with pytest.raises(FetchInterrupted):
        check_out(Source(git_settings), url, sha, tmp_path / "c")
    posts = [asked for asked in git_server.requests[before:] if asked.startswith("POST")]
    assert len(posts) == 3
    assert half_written(git_settings) == []


def test_B3_a_connection_that_breaks_once_is_not_noticed(
    git_settings: Settings, git_server: GitServer, make_repo: MakeRepo, tmp_path: Path
) -> None:
    url, sha = make_repo(LARGE)
    Source(git_settings).files(url, sha)
    name, before = repo_name(url), len(git_server.requests)
    git_server.behaviour[name] = Behaviour(cut_after_bytes=1000)

    def mend() -> None:
        wait_for(lambda: len(git_server.requests) >= before + 2, what="the first try")
        git_server.behaviour.pop(name)

    mender = threading.Thread(target=mend)
    mender.start()
    assert check_out(Source(git_settings), url, sha, tmp_path / "c").files == 2
    mender.join()


KILLED = """
import sys
from pathlib import Path
from repo_runner.settings import Settings
from repo_runner.source import Source
home, host, ca, path, url, sha, to = sys.argv[1:]
settings = Settings(Path(home), allowed_hosts=(host,), git_env={"PATH": path, "GIT_SSL_CAINFO": ca})
Source(settings).check_out(url, sha, Path(to), on_progress=lambda *_: None)
"""


@pytest.mark.parametrize("stall", [0, 100_000])
def test_B3_a_kill_in_the_middle_of_a_fetch_breaks_nothing(
    git_settings: Settings, git_server: GitServer, make_repo: MakeRepo, tmp_path: Path, stall: int
) -> None:
    url, sha = make_repo(LARGE)
    Source(git_settings).files(url, sha)
    name, ca = repo_name(url), str(git_server.ca_file)
    git_server.behaviour[name] = Behaviour(stall_after_bytes=stall)
    git_server.stalled.clear()
    words = [git_settings.home, git_server.host, ca, os.environ["PATH"], url, sha, tmp_path / "c"]
    process = subprocess.Popen([sys.executable, "-c", KILLED, *map(str, words)])
    assert git_server.stalled.wait(10)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert gits_at_work(git_settings), "git outlives its parent, and holds the mirror's lock"
    git_server.behaviour.pop(name)
    with pytest.raises(FetchTimeout):
        check_out(Source(replace(git_settings, fetch_timeout_s=0.3)), url, sha, tmp_path / "c")
    for git in gits_at_work(git_settings):
        git.kill()
    assert check_out(Source(git_settings), url, sha, tmp_path / "c").files == 2
    assert half_written(git_settings) == []


def test_a_damaged_mirror_is_fetched_anew(
    git_settings: Settings, make_repo: MakeRepo, tmp_path: Path
) -> None:
    url, sha = make_repo(LARGE)
    check_out(Source(git_settings), url, sha, tmp_path / "first")
    for pack in (git_settings.home / "cache" / "mirrors").rglob("*.pack"):
        pack.chmod(0o600)
        data = pack.read_bytes()
        pack.write_bytes(data[:20] + bytes(len(data) - 40) + data[-20:])
    assert check_out(Source(git_settings), url, sha, tmp_path / "second").files == 2
    assert (tmp_path / "second" / "large.bin").read_bytes() == LARGE["large.bin"]
    assert Source(git_settings).files(url, sha) == ("large.bin", "train.py")
