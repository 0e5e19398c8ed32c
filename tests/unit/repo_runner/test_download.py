"""Downloads: the registered file or none; ranges as HTTP has them; nothing by a link, nothing of another run."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st

from repo_runner import api
from repo_runner.byte_range import ByteRange
from repo_runner.errors import RangeUnsatisfiable
from repo_runner.manager import Manager
from repo_runner.models import Checkpoint, RunSpec
from repo_runner.settings import Settings
from repo_runner.store import Changes
from tests.asgi import Answer, Asgi

CONTENT = bytes(range(256)) * 9000  # more than two chunks
SHA256 = hashlib.sha256(CONTENT).hexdigest()
NAME = "best 'ünï\"codé'.ckpt"

Get = Callable[..., Answer]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A run's checkpoints, one of them registered."""
    manager = Manager(Settings(home=tmp_path))
    manager.recover()
    spec = RunSpec(repo_url="https://github.com/a/b", commit_sha="0" * 40, script_path="train.py")
    for run_id in ("mine", "other"):
        manager.store.add(run_id, spec, None)
    checkpoint = Checkpoint(
        name=NAME,
        path="x",
        is_best=True,
        sha256=SHA256,
        size_bytes=len(CONTENT),
        saved_at=time.time(),
    )
    changes = Changes(checkpoints=[checkpoint.model_dump(mode="json")])
    manager.store.apply("mine", offset=0, next_offset=1, changes=changes)
    manager.close()
    folder = tmp_path / "runs" / "mine" / "checkpoints"
    folder.mkdir(parents=True)
    (folder / NAME).write_bytes(CONTENT)
    (tmp_path / "runs" / "other").mkdir()
    return folder


@pytest.fixture
def get(folder: Path) -> Iterator[Get]:
    app = FastAPI()
    api.install(app, Settings(home=folder.parents[2]))
    with Asgi(app) as asgi:
        yield lambda name="best", run="mine", **headers: asgi.call(
            "GET",
            f"/api/v1/runs/{run}/checkpoints/{name}",
            headers={n.replace("_", "-"): v for n, v in headers.items()},
        )


def test_a_download_is_the_registered_bytes_as_an_attachment(get: Get) -> None:
    for name in ("best", NAME):
        answer = get(name)
        assert (answer.status, hashlib.sha256(answer.body).hexdigest()) == (200, SHA256)
        assert answer.headers["etag"] == f'"{SHA256}"'
        assert answer.headers["content-length"] == str(len(CONTENT))
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-type"] == "application/octet-stream"
        disposition = answer.headers["content-disposition"]
        assert disposition.startswith("attachment; filename*=UTF-8''best%20%27%C3%BC")
        assert '"' not in disposition


@pytest.mark.parametrize(
    ("header", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=10-19", 10, 19),
        ("bytes=100-", 100, len(CONTENT) - 1),
        ("bytes=-5", len(CONTENT) - 5, len(CONTENT) - 1),
        ("bytes=0-99999999999", 0, len(CONTENT) - 1),
        ("bytes=-99999999999", 0, len(CONTENT) - 1),
        (f"bytes=5-{(1 << 20) + 5}", 5, (1 << 20) + 5),
    ],
)
def test_one_range_is_served(get: Get, header: str, first: int, last: int) -> None:
    answer = get(range=header)
    assert (answer.status, answer.body) == (206, CONTENT[first : last + 1])
    assert answer.headers["content-range"] == f"bytes {first}-{last}/{len(CONTENT)}"
    assert answer.headers["content-length"] == str(last - first + 1)


@pytest.mark.parametrize(
    "header",
    ["bytes=5-2", "bytes=a-b", "bytes=-", "bytes", "lines=1-2", "bytes=0-1,4-5", "bytes=1-2-3"],
)
def test_a_range_that_makes_no_sense_or_is_several_gets_the_whole(get: Get, header: str) -> None:
    answer = get(range=header)
    assert (answer.status, len(answer.body)) == (200, len(CONTENT))


@pytest.mark.parametrize("header", [f"bytes={len(CONTENT)}-", "bytes=99999999999-", "bytes=-0"])
def test_a_range_behind_the_end_is_refused_with_the_size(get: Get, header: str) -> None:
    answer = get(range=header)
    assert (answer.status, answer.body) == (416, b"")
    assert answer.headers["content-range"] == f"bytes */{len(CONTENT)}"


def test_a_download_goes_on_only_if_it_is_still_the_same_file(get: Get) -> None:
    assert get(range="bytes=5-", if_range=f'"{SHA256}"').status == 206
    assert get(range="bytes=5-", if_range='"another"').status == 200
    assert get(if_none_match=f'"x", "{SHA256}"').status == 304
    assert get(if_none_match='"x"').status == 200


@given(st.text(max_size=30) | st.from_regex(r"bytes=[0-9]{0,4}-[0-9]{0,4}", fullmatch=True))
def test_no_range_header_leaves_the_file(header: str) -> None:
    try:
        part = ByteRange.of(header, 1000)
    except RangeUnsatisfiable:
        return
    assert part is None or 0 <= part.first <= part.last < 1000


def replaced_by_a_link(file: Path) -> None:
    file.rename(file.with_name("aside"))
    file.symlink_to(file.with_name("aside"))


def folder_replaced_by_a_link(file: Path) -> None:
    file.parent.rename(file.parents[1] / "aside")
    file.parent.symlink_to(file.parents[1] / "aside")


def run_replaced_by_a_link(file: Path) -> None:
    run = file.parents[1]
    run.rename(run.with_name("aside"))
    run.symlink_to(run.with_name("aside"))


def replaced_by_a_pipe(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


def replaced_by_a_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


@pytest.mark.parametrize(
    ("happens", "status", "code"),
    [
        (Path.unlink, 404, "artifact_not_found"),
        (replaced_by_a_link, 404, "artifact_not_found"),
        (folder_replaced_by_a_link, 404, "artifact_not_found"),
        (run_replaced_by_a_link, 404, "artifact_not_found"),
        (lambda file: file.chmod(0o000), None, None),
        (replaced_by_a_pipe, 409, "artifact_changed"),
        (replaced_by_a_folder, 409, "artifact_changed"),
        (lambda file: file.write_bytes(CONTENT[:-1]), 409, "artifact_changed"),
        (lambda file: file.write_bytes(b""), 409, "artifact_changed"),
    ],
)
def test_F3_what_is_not_the_registered_file_is_not_served(
    get: Get, folder: Path, happens: Callable[[Path], object], status: int | None, code: str | None
) -> None:
    happens(folder / NAME)
    answer = get()
    if status is None:  # root may read it all the same
        assert answer.status == (200 if os.geteuid() == 0 else 404)
    else:
        assert (answer.status, answer.json()["error"]["code"]) == (status, code)


def test_F3_a_file_of_the_same_size_and_other_content_never_arrives_whole(
    get: Get, folder: Path
) -> None:
    (folder / NAME).write_bytes(bytes(reversed(CONTENT)))
    answer = get()
    assert answer.broken
    assert len(answer.body) < len(CONTENT)


def test_F3_a_file_that_is_replaced_during_the_download_arrives_as_it_was(
    folder: Path,
) -> None:
    manager = Manager(Settings(home=folder.parents[2]))
    artifact = manager.artifact("mine", "best")
    manager.close()
    pieces = artifact.read()
    first = next(pieces)
    (folder / "new").write_bytes(b"x" * len(CONTENT))
    (folder / "new").replace(folder / NAME)
    assert hashlib.sha256(first + b"".join(pieces)).hexdigest() == SHA256


@pytest.mark.parametrize(
    "name",
    [
        NAME,
        "best",
        "..",
        "../checkpoints/x",
        f"../../mine/checkpoints/{NAME}",
        "%2e%2e",
        "x\0y",
        "spec.json",
    ],
)
def test_G6_another_run_s_file_is_not_found(get: Get, name: str) -> None:
    assert get(name, run="other").status == 404


def test_a_file_that_nobody_registered_is_not_found(get: Get, folder: Path) -> None:
    (folder / "mine.ckpt").write_bytes(b"x")
    assert get("mine.ckpt").status == 404
