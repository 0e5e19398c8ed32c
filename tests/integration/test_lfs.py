"""Git LFS: pointers stay by default; asked for, their content is fetched once, checked, from allowed hosts."""

from __future__ import annotations

import os
import shutil
import socketserver
import subprocess
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from examples.git_server import Behaviour, GitServer
from examples.lfs_http import Lfs, pointer
from repo_runner.errors import (
    AuthRequired,
    FetchInterrupted,
    FetchTimeout,
    LfsHostRefused,
    LfsObjectMissing,
    QuotaExceeded,
    RunnerError,
    SourceError,
)
from repo_runner.models import Finding, Submission
from repo_runner.preflight import inspect
from repo_runner.process import ProcessCancelled
from repo_runner.settings import Settings
from repo_runner.source import CheckoutReport, Source
from tests.git_fixtures import MakeRepo, repo_name

ATTRIBUTES = "*.bin filter=lfs diff=lfs merge=lfs -text\n"
BIG = os.urandom(300_000)
SMALL = b"weights"


@dataclass
class Kept:
    """A repository with three pointers to two objects."""

    url: str
    sha: str
    lfs: Lfs
    server: GitServer

    @property
    def name(self) -> str:
        return repo_name(self.url)

    def behave(self, **how: object) -> None:
        self.server.behaviour[self.name] = Behaviour(lfs=self.lfs, **how)

    def downloads(self, since: int = 0) -> list[tuple[str, dict[str, str]]]:
        asked = zip(self.server.requests, self.server.headers, strict=True)
        return [(r, h) for r, h in list(asked)[since:] if f"{self.name}.git/info/lfs" in r]


@pytest.fixture
def kept(make_repo: MakeRepo, git_server: GitServer) -> Kept:
    lfs = Lfs()
    files = {
        "train.py": "print('hello')\n",
        ".gitattributes": ATTRIBUTES,
        "data/big.bin": lfs.add(BIG),
        "data/same.bin": lfs.add(BIG),
        "untracked.pt": lfs.add(SMALL),
        "about.txt": "version https://git-lfs.github.com/spec/v1 is what a pointer begins with\n"
        * 2,
    }
    url, sha = make_repo(files)
    repository = Kept(url, sha, lfs, git_server)
    repository.behave()
    return repository


@pytest.fixture
def elsewhere(git_server: GitServer) -> str:
    """The same server by another name: to a client, another host."""
    return f"127.0.0.1:{git_server.port}"


def check_out(
    settings: Settings,
    kept: Kept,
    to: Path,
    *,
    heard: list[tuple[str, float | None, str]] | None = None,
    cancel: threading.Event | None = None,
) -> CheckoutReport:
    def tell(stage: str, fraction: float | None, message: str) -> None:
        if heard is not None:
            heard.append((stage, fraction, message))

    return Source(settings).check_out(
        kept.url, kept.sha, to, on_progress=tell, cancel=cancel, lfs=True
    )


def refused(settings: Settings, kept: Kept, to: Path, kind: type[RunnerError]) -> RunnerError:
    """The error; nothing half-written is left, neither where it should go nor in the cache."""
    with pytest.raises(kind) as caught:
        check_out(settings, kept, to)
    assert not list(to.parent.glob(f"{to.name}*"))
    mirrors = settings.home / "cache" / "mirrors"
    assert not list(mirrors.rglob("lfs_partial"))
    return caught.value


def look(settings: Settings, url: str, **more: object) -> Finding:
    found = inspect(Submission(link=url, **more), settings, Source(settings))
    (row,) = [row for row in found.report().findings if row.code == "lfs_pointers"]
    return row


def test_by_default_pointers_stay_and_are_named(
    git_settings: Settings, kept: Kept, tmp_path: Path
) -> None:
    row = look(git_settings, kept.url)
    assert (row.level, row.field) == ("warn", "lfs")
    assert "0.6 MB" in row.message and "data/big.bin" in row.message
    to = tmp_path / "c"
    report = Source(git_settings).check_out(kept.url, kept.sha, to, on_progress=lambda *_: None)
    assert (to / "untracked.pt").read_text() == kept.lfs.add(SMALL)
    assert (report.lfs_bytes, kept.downloads()) == (0, [])


def test_asked_for_the_content_takes_the_pointers_place(
    git_settings: Settings, kept: Kept, git_env: dict[str, str], tmp_path: Path
) -> None:
    heard: list[tuple[str, float | None, str]] = []
    to = tmp_path / "c"
    report = check_out(git_settings, kept, to, heard=heard)
    assert (to / "data" / "big.bin").read_bytes() == BIG
    assert (to / "data" / "same.bin").read_bytes() == BIG
    assert (to / "untracked.pt").read_bytes() == SMALL
    assert "pointer begins" in (to / "about.txt").read_text()
    assert report.lfs_bytes == 2 * len(BIG) + len(SMALL)
    assert len(kept.downloads()) == 3  # the question, and each object once
    env = {**git_env, "GIT_CONFIG_NOSYSTEM": "1", "HOME": os.devnull}
    status = subprocess.run(
        ["git", "status", "--porcelain"], cwd=to, env=env, capture_output=True, check=True
    )
    assert status.stdout == b""
    fractions = [fraction for _, fraction, _ in heard if fraction is not None]
    assert fractions == sorted(fractions) and fractions[-1] == 1.0
    assert any("%, 0.3 of 0.3 MB" in message for _, _, message in heard)
    assert look(git_settings, kept.url, lfs=True).level == "ok"


def test_a_second_run_fetches_nothing_and_owns_its_files(
    git_settings: Settings, kept: Kept, tmp_path: Path
) -> None:
    check_out(git_settings, kept, tmp_path / "first")
    (tmp_path / "first" / "data" / "big.bin").write_bytes(b"changed by a script")
    before = len(kept.server.requests)
    assert check_out(git_settings, kept, tmp_path / "again").reused
    assert kept.server.requests[before:] == []
    assert (tmp_path / "again" / "data" / "big.bin").read_bytes() == BIG


def test_other_content_than_named_is_refused(
    git_settings: Settings, kept: Kept, tmp_path: Path
) -> None:
    (oid,) = [oid for oid, content in kept.lfs.objects.items() if content == BIG]
    for wrong in (bytes(len(BIG)), BIG + b"!"):
        kept.lfs.objects[oid] = wrong
        error = refused(git_settings, kept, tmp_path / "c", SourceError)
        assert (error.error_code, "other content" in error.message) == ("fetch_failed", True)
    assert not list((git_settings.home / "cache" / "mirrors" / "lfs").rglob(oid))


def test_a_missing_object_is_named(git_settings: Settings, kept: Kept, tmp_path: Path) -> None:
    objects, kept.lfs.objects = kept.lfs.objects, {}
    error = refused(git_settings, kept, tmp_path / "c", LfsObjectMissing)
    assert error.error_code == "lfs_object_missing"
    assert ".bin" in error.message
    kept.server.behaviour[kept.name] = Behaviour()  # a host without Git LFS at all
    assert refused(git_settings, kept, tmp_path / "c", LfsObjectMissing)
    kept.lfs.objects = objects
    kept.behave()
    assert check_out(git_settings, kept, tmp_path / "c").lfs_bytes


def test_another_host_is_refused_until_the_operator_names_it(
    git_settings: Settings, kept: Kept, elsewhere: str, tmp_path: Path
) -> None:
    kept.lfs.host, kept.lfs.header = elsewhere, {"X-Extra": "for-elsewhere", "Host": "other"}
    settings = replace(git_settings, git_tokens={kept.server.host: "tok3n"})
    error = refused(settings, kept, tmp_path / "c", LfsHostRefused)
    assert error.error_code == "lfs_host_refused"
    assert elsewhere in error.message and "REPO_RUNNER_LFS_HOSTS" in error.hint_text
    assert not [h for _, h in kept.downloads() if h["Host"] == elsewhere]
    before = len(kept.server.requests)
    assert check_out(replace(settings, lfs_hosts=(elsewhere,)), kept, tmp_path / "c").lfs_bytes
    (question, *downloads) = [h for _, h in kept.downloads(before)]
    assert question["Authorization"].startswith("Basic ") and "X-Extra" not in question
    assert {h["Host"] for h in downloads} == {elsewhere}
    assert all("Authorization" not in h and h["X-Extra"] == "for-elsewhere" for h in downloads)


def test_a_redirect_is_checked_like_an_address_and_takes_no_secret_along(
    git_settings: Settings, kept: Kept, elsewhere: str, tmp_path: Path
) -> None:
    kept.lfs.redirect = f"https://{elsewhere}/{kept.name}.git/info/lfs/objects"
    kept.lfs.header = {"X-Extra": "for-the-host"}
    settings = replace(git_settings, git_tokens={kept.server.host: "tok3n"})
    refused(settings, kept, tmp_path / "c", LfsHostRefused)
    check_out(replace(settings, lfs_hosts=(elsewhere,)), kept, tmp_path / "c")
    there = [h for _, h in kept.downloads() if h["Host"] == elsewhere]
    assert len(there) == 2
    assert not [h for h in there if "Authorization" in h or "X-Extra" in h]


def test_a_private_repository_s_objects_need_its_token(
    git_settings: Settings, kept: Kept, tmp_path: Path
) -> None:
    Source(git_settings).check_out(
        kept.url, kept.sha, tmp_path / "git", on_progress=lambda *_: None
    )
    kept.behave(auth="x-access-token:tok3n")
    error = refused(git_settings, kept, tmp_path / "c", AuthRequired)
    assert error.error_code == "auth_required"
    with_token = Source(git_settings).with_token(kept.url, "tok3n")
    with_token.check_out(kept.url, kept.sha, tmp_path / "c", on_progress=lambda *_: None, lfs=True)
    assert (tmp_path / "c" / "untracked.pt").read_bytes() == SMALL


def test_objects_count_towards_the_quota_before_any_is_fetched(
    git_settings: Settings, kept: Kept, make_repo: MakeRepo, tmp_path: Path
) -> None:
    tight = replace(git_settings, max_repo_bytes=2 * len(BIG))
    refused(tight, kept, tmp_path / "c", QuotaExceeded)
    assert kept.downloads() == []
    url, sha = make_repo({"a.bin": pointer("a" * 64, 10**14)})
    huge = Kept(url, sha, kept.lfs, kept.server)
    refused(git_settings, huge, tmp_path / "c", QuotaExceeded)


def test_a_broken_connection_is_tried_again_and_a_stalled_one_ends(
    git_settings: Settings, kept: Kept, tmp_path: Path
) -> None:
    Source(git_settings).check_out(
        kept.url, kept.sha, tmp_path / "git", on_progress=lambda *_: None
    )
    kept.behave(cut_after_bytes=100_000)
    refused(git_settings, kept, tmp_path / "c", FetchInterrupted)
    tries = [r for r, _ in kept.downloads() if r.startswith("GET")]
    assert 3 <= len(tries) <= 4
    kept.behave(stall_after_bytes=100_000)
    refused(replace(git_settings, fetch_timeout_s=1.0), kept, tmp_path / "c", FetchTimeout)


def test_a_stop_ends_a_download_at_once(git_settings: Settings, kept: Kept, tmp_path: Path) -> None:
    Source(git_settings).check_out(
        kept.url, kept.sha, tmp_path / "git", on_progress=lambda *_: None
    )
    kept.behave(stall_after_bytes=1000)
    kept.server.stalled.clear()
    cancel = threading.Event()
    ended: list[float] = []

    def stop() -> None:
        kept.server.stalled.wait(10)
        ended.append(time.monotonic())
        cancel.set()

    threading.Thread(target=stop, daemon=True).start()
    with pytest.raises(ProcessCancelled):
        check_out(git_settings, kept, tmp_path / "c", cancel=cancel)
    assert time.monotonic() - ended[0] < git_settings.fetch_timeout_s / 2
    assert not list(tmp_path.glob("c*"))


@pytest.mark.parametrize("href", ["http://{host}/x", "https://me:pw@{host}/x", "file:///x", 7])
def test_only_plain_https_addresses_are_followed(
    git_settings: Settings, kept: Kept, tmp_path: Path, href: object
) -> None:
    address = href.format(host=kept.server.host) if isinstance(href, str) else href
    kept.lfs.row = {"actions": {"download": {"href": address}}}
    refused(git_settings, kept, tmp_path / "c", LfsHostRefused)


@pytest.mark.parametrize("says", [b"", b"[]", b'{"objects": 3}', b'{"objects": [7]}', b"\xff"])
def test_an_answer_that_makes_no_sense_is_said_to_be_one(
    git_settings: Settings, kept: Kept, tmp_path: Path, says: bytes
) -> None:
    kept.lfs.says = says
    refused(git_settings, kept, tmp_path / "c", SourceError)


def test_a_site_s_mirror_and_proxy_are_used_as_git_uses_them(
    git_settings: Settings, kept: Kept, elsewhere: str, tmp_path: Path
) -> None:
    asked: list[str] = []

    class Proxy(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            asked.append(self.rfile.readline().decode())

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Proxy) as proxy:
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        through = {"HTTPS_PROXY": f"http://127.0.0.1:{proxy.server_address[1]}"}
        pairs = ((f"https://{elsewhere}/", f"https://{kept.server.host}/"),)
        settings = replace(git_settings, git_instead_of=pairs)
        settings = replace(settings, git_tokens={kept.server.host: "tok3n"})
        exempt = {**settings.git_env, **through, "NO_PROXY": "127.0.0.1"}
        check_out(replace(settings, git_env=exempt), kept, tmp_path / "direct")
        used = {**settings.git_env, **through}
        shutil.rmtree(git_settings.home / "cache" / "mirrors" / "lfs")
        refused(replace(settings, git_env=used), kept, tmp_path / "c", FetchInterrupted)
        proxy.shutdown()
    assert asked == [f"CONNECT {elsewhere} HTTP/1.0\r\n"] * 3
    assert not [h for _, h in kept.downloads() if h["Host"] != elsewhere or "Authorization" in h]
