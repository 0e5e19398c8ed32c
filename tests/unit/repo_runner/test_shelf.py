"""The place that app and nodes share."""

from __future__ import annotations

from pathlib import Path

import pytest

from repo_runner import shelf as shelf_module
from repo_runner.errors import InvalidInput
from repo_runner.shelf import Shelf, ShelfFile


@pytest.fixture(params=["file", "memory"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return f"file://{tmp_path}/shelf" if request.param == "file" else f"memory://{tmp_path.name}"


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelf_module, "PIECE_BYTES", 10)


def checkpoint(tmp_path: Path, content: bytes) -> tuple[Path, ShelfFile]:
    source = tmp_path / "node" / "last.ckpt"
    source.parent.mkdir(exist_ok=True)
    source.write_bytes(content)
    made = ShelfFile.of(source.parent, source.name)
    return source, ShelfFile("checkpoints/last.ckpt", made.sha256, made.size_bytes)


@pytest.mark.parametrize("size", [0, 1, 10, 11, 95])
def test_a_file_arrives_as_it_was(url: str, tmp_path: Path, size: int) -> None:
    shelf, content = Shelf(url, "run"), bytes(range(size))
    source, file = checkpoint(tmp_path, content)
    assert shelf.put(source, file) == size
    assert shelf.get(tmp_path / "app", file)
    assert (tmp_path / "app" / "checkpoints" / "last.ckpt").read_bytes() == content


def test_what_was_cut_off_goes_on_where_it_was(url: str, tmp_path: Path) -> None:
    shelf = Shelf(url, "run")
    source, file = checkpoint(tmp_path, b"0123456789" * 5)
    shelf.put(source, file)
    assert shelf.put(source, file) == 0
    partial = tmp_path / "app" / "checkpoints" / f"last.ckpt.{file.sha256[:8]}.partial"
    partial.parent.mkdir(parents=True)
    partial.write_bytes(b"0123456789" * 2 + b"012")
    assert shelf.get(tmp_path / "app", file)
    assert not partial.exists()


def test_content_that_is_not_what_it_says_never_takes_the_name(url: str, tmp_path: Path) -> None:
    shelf = Shelf(url, "run")
    source, file = checkpoint(tmp_path, b"good")
    shelf.put(source, file)
    source.write_bytes(b"evil")
    shelf.drop(file.sha256)
    shelf.put(source, file)
    assert not shelf.get(tmp_path / "app", file)
    assert list((tmp_path / "app" / "checkpoints").iterdir()) == []


def test_a_note_is_read_once_it_is_there_and_everything_can_be_cleared(url: str) -> None:
    shelf = Shelf(url, "run")
    assert shelf.read("1/stop") is None
    shelf.write("1/stop", b"{}")
    assert shelf.read("1/stop") == b"{}"
    shelf.remove("1/stop")
    shelf.remove("1/stop")
    shelf.clear()
    assert shelf.read("1/stop") is None


def test_a_bucket_without_its_package_says_what_to_install() -> None:
    with pytest.raises(InvalidInput, match="obstore") as caught:
        Shelf("s3://bucket/runs", "run")
    assert "requirements-cloud.txt" in caught.value.hint_text
