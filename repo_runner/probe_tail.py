"""Reads what the probe writes from inside the script's processes, as it comes."""

from __future__ import annotations

from pathlib import Path

from repo_runner.events import Event, read_batch


class ProbeTail:
    """New events of all `events-<pid>.jsonl` files of a folder, each handed out once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._offsets: dict[Path, int] = {}

    def read(self) -> list[Event]:
        """What is new, oldest first."""
        found: list[Event] = []
        for path in self._folder.glob("events-*.jsonl"):
            if not path.is_file():
                continue
            batch = read_batch(path, self._offsets.get(path, 0))
            self._offsets[path] = batch.next_offset
            found.extend(batch.events)
        return sorted(found, key=_time)


def _time(event: Event) -> float:
    """The script can write into this folder too: what has no time comes first, and is passed over by the observer."""
    t = event.get("t")
    return float(t) if isinstance(t, float | int) else 0.0
