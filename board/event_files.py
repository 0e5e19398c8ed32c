"""What TensorBoard reads of a run: the event files its script writes; if it writes none, one made of its metrics."""

from __future__ import annotations

import json
import os
import shutil
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.event_file_writer import EventFileWriter

_MARK = "tfevents"
_MAX_FILES = 1000
#: Looking through a large work tree may take this part of the time, no more.
_SHARE = 20


class Feeder:
    """Keeps a log folder up to date; call `feed` now and then."""

    def __init__(self, events: Path, checkout: Path, logdir: Path) -> None:
        self._checkout = checkout
        self._script = logdir / "script"
        self._curves = Curves(events, logdir / "metrics")
        self._look_at = 0.0
        self._has_own = False

    def feed(self) -> None:
        """Link new event files of the script, or write what the run has reported since the last time."""
        began = time.monotonic()
        if began >= self._look_at:
            for file in event_files(self._checkout):
                self._link(file)
            self._look_at = time.monotonic() + (time.monotonic() - began) * _SHARE
        if self._has_own:
            self._curves.remove()
        else:
            self._curves.follow()

    def _link(self, file: Path) -> None:
        """By file, not by folder: what else lies in the script's folders is none of TensorBoard's business."""
        link = self._script / file.relative_to(self._checkout)
        if not link.is_symlink():
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(file)
        self._has_own = True


class Curves:
    """An event file made of the run's event stream, as far as it goes; nothing before the first metric."""

    def __init__(self, events: Path, folder: Path) -> None:
        self._events = events
        self._folder = folder
        self._offset = 0
        self._writer: EventFileWriter | None = None

    def follow(self) -> None:
        """Write the metrics that were reported since the last time."""
        for event in self._new_events():
            if event.get("kind") == "metrics":
                if self._writer is None:
                    self._writer = EventFileWriter(str(self._folder))
                self._writer.add_event(scalars(event))
        if self._writer:
            self._writer.flush()

    def remove(self) -> None:
        """The script's own files say the same, and more."""
        if self._writer:
            self._writer.close()
            self._writer = None
            shutil.rmtree(self._folder, ignore_errors=True)

    def _new_events(self) -> Iterator[dict[str, Any]]:
        try:
            with self._events.open("rb") as file:
                file.seek(self._offset)
                for line in file:
                    if not line.endswith(b"\n"):
                        return
                    self._offset += len(line)
                    try:
                        event = json.loads(line)
                    except ValueError:  # torn by a kill
                        continue
                    if isinstance(event, dict):
                        yield event
        except FileNotFoundError:  # it has only just begun
            return


def scalars(event: dict[str, Any]) -> Event:
    """A `metrics` event as TensorBoard stores it; `"nan"` and `"inf"` become numbers again."""
    values = [
        Summary.Value(tag=name, simple_value=float(value))
        for name, value in event["values"].items()
    ]
    return Event(wall_time=event["t"], step=event["step"], summary=Summary(value=values))


def event_files(folder: Path) -> Iterator[Path]:
    """The event files below a folder that a script may fill as it likes: links lead nowhere."""
    found = 0
    for root, _, names in os.walk(folder):
        for name in names:
            path = Path(root) / name
            if _MARK in name and stat.S_ISREG(path.lstat().st_mode):
                found += 1
                if found > _MAX_FILES:
                    return
                yield path
