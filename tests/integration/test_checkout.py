"""Commits become work trees, and what was fetched once is not fetched again."""

from __future__ import annotations

import os
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from examples.git_server import GitServer
from repo_runner.errors import SourceError
from repo_runner.github_link import GithubLink
from repo_runner.source import CheckoutReport, Source
from tests.git_fixtures import MakeRepo, RepoFrom, check_out, repo_name

SCRIPT = {"train.py": "print('hello')\n", "requirements.txt": "\n", "a/b.py": "x = 1\n"}


def git(folder: Path, *words: str) -> str:
    """As a person would: with nothing of what `source` sets up."""
    done = subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_a_checkout_is_a_clean_work_tree_at_the_commit(
    source: Source, make_repo: MakeRepo, tmp_path: Path
) -> None:
    url, sha = make_repo(SCRIPT)
    report = check_out(source, url, sha, tmp_path / "checkout")
    assert (report.files, report.bytes, report.reused) == (3, 22, False)
    assert (tmp_path / "checkout" / "a" / "b.py").read_text() == "x = 1\n"
    assert git(tmp_path / "checkout", "rev-parse", "HEAD") == sha
    assert git(tmp_path / "checkout", "status", "--porcelain") == ""
    assert git(tmp_path / "checkout", "log", "-1", "--format=%H %s") == f"{sha} Change 3 files"
    assert git(tmp_path / "checkout", "remote", "get-url", "origin") == url


def test_progress_only_grows_and_ends_with_everything(
    source: Source, make_repo: MakeRepo, tmp_path: Path
) -> None:
    heard: list[tuple[str, float | None, str]] = []
    url, sha = make_repo({f"{n}.py": f"{n}" for n in range(50)})
    source.check_out(url, sha, tmp_path / "c", on_progress=lambda *said: heard.append(said))
    fractions = [fraction or 0 for _, fraction, _ in heard]
    assert fractions == sorted(fractions)
    assert fractions[-1] >= 0.8
    assert heard[-1][2].startswith("Receiving objects: 100 %")


def test_a_known_commit_asks_the_network_for_nothing(
    source: Source, git_server: GitServer, make_repo: MakeRepo, tmp_path: Path
) -> None:
    url, sha = make_repo(SCRIPT)
    check_out(source, url, sha, tmp_path / "first")
    before = len(git_server.requests)
    report = check_out(source, url, sha, tmp_path / "second")
    assert source.resolve(GithubLink(url), sha).commit_sha == sha
    assert source.read(url, sha, "train.py") == b"print('hello')\n"
    assert git_server.requests[before:] == []
    assert report.reused
    assert report.seconds < 0.5


def test_names_beyond_ascii_survive(source: Source, repo_from: RepoFrom, tmp_path: Path) -> None:
    url, sha = repo_from("unicode")
    check_out(source, url, sha, tmp_path / "c")
    assert "données/été.txt" in source.files(url, sha)
    assert source.check_script(tmp_path / "c", "entraînement.py").is_file()
    assert git(tmp_path / "c", "status", "--porcelain") == ""


def test_a_host_without_partial_fetches_serves_as_well(
    source: Source, git_server: GitServer, make_repo: MakeRepo, tmp_path: Path
) -> None:
    url, sha = make_repo(SCRIPT)
    for option in ("uploadpack.allowFilter", "uploadpack.allowAnySHA1InWant"):
        git_server.git(repo_name(url), "config", option, "false")
    assert source.files(url, sha) == ("a/b.py", "requirements.txt", "train.py")
    assert check_out(source, url, sha, tmp_path / "c").files == 3


def test_two_threads_check_out_the_same_new_commit_at_once(
    source: Source, make_repo: MakeRepo, tmp_path: Path
) -> None:
    url, sha = make_repo(SCRIPT)
    reports: list[CheckoutReport] = []
    threads = [
        threading.Thread(
            target=lambda n=n: reports.append(check_out(source, url, sha, tmp_path / n))
        )
        for n in "abcd"
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(reports) == 4
    assert all(git(tmp_path / n, "status", "--porcelain") == "" for n in "abcd")


def test_a_second_commit_fetches_only_what_is_new(
    source: Source, git_server: GitServer, make_repo: MakeRepo, tmp_path: Path
) -> None:
    url, first = make_repo({**SCRIPT, "large.bin": os.urandom(300_000)})
    check_out(source, url, first, tmp_path / "first")
    second = git_server.commit(repo_name(url), {"train.py": "print('bye')\n"})
    check_out(source, url, second, tmp_path / "second")
    mirror = next((source._settings.home / "cache" / "mirrors").glob(f"*/{repo_name(url)}.git"))
    assert sum(file.stat().st_size for file in mirror.rglob("*.pack")) < 320_000
    assert git(tmp_path / "second", "log", "-1", "--format=%H") == second
    assert git(tmp_path / "first", "status", "--porcelain") == ""


def test_a_checkout_that_exists_is_left_as_the_run_left_it(
    source: Source, make_repo: MakeRepo, tmp_path: Path
) -> None:
    url, sha = make_repo(SCRIPT)
    check_out(source, url, sha, tmp_path / "c")
    (tmp_path / "c" / "result.txt").write_text("mine")
    check_out(source, url, sha, tmp_path / "c")
    assert (tmp_path / "c" / "result.txt").read_text() == "mine"
    other = tmp_path / "other"
    other.mkdir()
    with pytest.raises(SourceError, match="something else"):
        check_out(source, url, sha, other)


def test_many_threads_list_a_new_commit_at_once(source: Source, make_repo: MakeRepo) -> None:
    url, sha = make_repo(SCRIPT)
    with ThreadPoolExecutor(8) as pool:
        listings = list(pool.map(lambda _: source.files(url, sha), range(8)))
    assert set(listings) == {("a/b.py", "requirements.txt", "train.py")}
