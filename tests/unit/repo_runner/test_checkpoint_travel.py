"""Checkpoints on their way from a node to the app: in the end exactly what the newest event names is there."""

from __future__ import annotations

import hashlib
import os
import random
from pathlib import Path

import pytest

from repo_runner.backends.downloads import Downloads
from repo_runner.events import EventWriter
from repo_runner.frames import FrameReader
from repo_runner.node.outbox import Log
from repo_runner.node.uploads import Uploads
from repo_runner.paths import RunPaths
from repo_runner.shelf import Shelf


class Travel:
    """Both ends, looked at by hand instead of by their threads."""

    def __init__(self, folder: Path) -> None:
        self.node, self.app = RunPaths(folder / "node"), RunPaths(folder / "app")
        self.node.checkpoints.mkdir(parents=True)
        self.app.root.mkdir()
        self._log = folder / "job.log"
        shelf = Shelf(f"file://{folder}/shelf", "run")
        self._descriptor = os.open(self._log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        self._events = EventWriter(self.node.events)
        self.uploads = Uploads(self.node, shelf, Log(self._descriptor))
        self.downloads = Downloads(self.app, shelf)
        self._frames, self._read = FrameReader(), 0

    def save(self, contents: dict[str, bytes]) -> None:
        """What the keeper does: copies first, then the event, then the copies that are gone."""
        for name, content in contents.items():
            (self.node.checkpoints / f"{name}.partial").write_bytes(content)
            (self.node.checkpoints / f"{name}.partial").replace(self.node.checkpoints / name)
        items = [{"name": n, "sha256": hashlib.sha256(c).hexdigest()} for n, c in contents.items()]
        self._events.write("checkpoints", items=items)
        for file in self.node.checkpoints.iterdir():
            if file.name not in contents:
                file.unlink()

    def carry(self) -> None:
        """The courier's and the link's part."""
        self.app.events.write_bytes(self.node.events.read_bytes())
        log = self._log.read_bytes()
        for frame in self._frames.feed(log[self._read :]):
            if frame.fact and frame.fact["kind"] == "on_shelf":
                self.downloads.offer(frame.fact)
        self._read = len(log)

    def upload(self) -> None:
        self.uploads._look()
        self.uploads._send()

    def download(self) -> None:
        self.downloads._read_stream()
        assert self.downloads._fetch()

    def close(self) -> None:
        self._events.close()
        os.close(self._descriptor)


@pytest.mark.parametrize("seed", range(60))
def test_in_the_end_the_newest_are_there_however_the_ends_took_turns(
    tmp_path: Path, seed: int
) -> None:
    chance, travel = random.Random(seed), Travel(tmp_path)
    newest: dict[str, bytes] = {}
    for epoch in range(8):
        content = bytes([chance.randrange(3)]) * 10
        newest = {f"epoch={chance.choice([epoch, 0])}.ckpt": content}
        newest |= {"last.ckpt": chance.choice([content, b"another"])}
        if chance.random() < 0.5:
            newest = dict(reversed(newest.items()))
        travel.save(newest)
        for step in chance.choices([travel.upload, travel.carry, travel.download], k=3):
            step()
    travel.upload()
    travel.carry()
    travel.download()
    travel.close()
    assert {f.name: f.read_bytes() for f in travel.app.checkpoints.iterdir()} == newest
