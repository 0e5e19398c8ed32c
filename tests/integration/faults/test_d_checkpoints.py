"""D7: a checkpoint is opaque bytes; whatever became of it, its state is told and nothing is unpickled."""

from __future__ import annotations

import hashlib
import os
import pickle
import time
from pathlib import Path

import pytest

from repo_runner import checkpoints
from repo_runner.checkpoints import CheckpointKeeper
from repo_runner.events import EventWriter, read_batch


class Kept:
    """A keeper of a script's checkpoints, and what it told."""

    def __init__(self, folder: Path) -> None:
        self.cwd, self.copies = folder / "checkout", folder / "checkpoints"
        self.cwd.mkdir()
        self._events = folder / "events.jsonl"
        self._writer = EventWriter(self._events)
        self._keeper = CheckpointKeeper(self.copies, self._writer, self.cwd)

    def see(self, *, best: str = "", last: str = "") -> list[dict]:
        callback = {"monitor": "val_loss", "mode": "min", "best_score": 0.5}
        paths = {"best_path": best, "last_path": last}
        self._keeper.see({"t": time.time(), "ckpts": [{**callback, **paths}]})
        return self.told("checkpoints")[-1]["items"]

    def told(self, kind: str) -> list[dict]:
        return [e for e in read_batch(self._events, 0).events if e["kind"] == kind]


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return Kept(tmp_path)


def test_D7_the_hash_is_that_of_the_bytes_that_are_offered(kept: Kept) -> None:
    (kept.cwd / "a.ckpt").write_bytes(os.urandom(3_000_000))
    (item,) = kept.see(best="a.ckpt")
    assert hashlib.sha256((kept.copies / "a.ckpt").read_bytes()).hexdigest() == item["sha256"]


def test_D7_without_a_checkpoint_nothing_is_told_but_that(kept: Kept) -> None:
    assert kept.see() == []
    assert kept.told("note") == []


def test_D7_a_checkpoint_that_is_gone_is_said_once(kept: Kept) -> None:
    for _ in range(3):
        assert kept.see(best="gone.ckpt") == []
    (note,) = kept.told("note")
    assert "gone.ckpt" in note["message"]


def test_D7_a_checkpoint_that_is_replaced_is_copied_again(kept: Kept) -> None:
    for content in (b"one", b"second"):
        (kept.cwd / "last.ckpt").write_bytes(content)
        (item,) = kept.see(last="last.ckpt")
    assert (kept.copies / "last.ckpt").read_bytes() == b"second"
    assert item["sha256"] == hashlib.sha256(b"second").hexdigest()


def test_D7_a_checkpoint_that_is_still_written_is_copied_when_it_is_whole(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = kept.cwd / "a.ckpt"
    source.write_bytes(b"half")
    copy = checkpoints._copy

    def copy_while_it_grows(*paths):
        copied = copy(*paths)
        if source.stat().st_size < 8:
            source.write_bytes(b"halfhalf")
        return copied

    monkeypatch.setattr(checkpoints, "_copy", copy_while_it_grows)
    (item,) = kept.see(best="a.ckpt")
    assert (item["size_bytes"], (kept.copies / "a.ckpt").read_bytes()) == (8, b"halfhalf")


def test_D7_a_link_to_the_file_beside_it_is_followed(kept: Kept) -> None:
    (kept.cwd / "best.ckpt").write_bytes(b"weights")
    (kept.cwd / "last.ckpt").symlink_to("best.ckpt")
    kept.see(best="best.ckpt", last="last.ckpt")
    assert (kept.copies / "last.ckpt").read_bytes() == b"weights"
    assert not (kept.copies / "last.ckpt").is_symlink()


@pytest.mark.parametrize("kind", ["link", "fifo", "folder"])
def test_D7_a_link_to_elsewhere_a_pipe_or_a_folder_is_refused_and_said(
    kept: Kept, kind: str
) -> None:
    path = kept.cwd / "a.ckpt"
    (kept.cwd.parent / "foreign").write_text("secret")
    make = {"link": lambda: path.symlink_to("../foreign"), "fifo": lambda: os.mkfifo(path)}
    make.get(kind, path.mkdir)()
    assert kept.see(best="a.ckpt") == []
    assert len(kept.told("note")) == 1


def test_D7_a_terabyte_of_holes_is_refused_before_it_fills_the_disk(kept: Kept) -> None:
    with (kept.cwd / "a.ckpt").open("wb") as file:
        try:
            file.truncate(1 << 50)
        except OSError:
            file.truncate(1 << 43)
    assert kept.see(best="a.ckpt") == []
    (note,) = kept.told("note")
    assert "are free" in note["message"]
    assert not list(kept.copies.glob("*"))


class Canary:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple:
        return Path.touch, (self._path,)


def test_D7_a_pickle_that_would_run_code_is_copied_and_never_opened(kept: Kept) -> None:
    canary = kept.cwd.parent / "canary"
    (kept.cwd / "a.ckpt").write_bytes(pickle.dumps(Canary(canary)))
    assert len(kept.see(best="a.ckpt")) == 1
    assert not canary.exists()
    pickle.loads((kept.copies / "a.ckpt").read_bytes())  # the canary sings
    assert canary.exists()
