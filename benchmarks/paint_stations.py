"""Sees from outside which of a script's steps has come how far: what one process leaves for the next."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from repo_runner.events import read_batch
from repo_runner.paths import HomePaths, RunPaths
from repo_runner.probe_tail import ProbeTail

METRIC = "train_loss"
#: When which step was there: moments and steps, both rising.
Seen = list[tuple[float, int]]


class Watch:
    """Sees, every few milliseconds, which step has come how far."""

    def __init__(self, home: Path, run_id: str) -> None:
        paths = HomePaths(home).run(run_id)
        looks = (probe_looks(paths), event_looks(paths), store_looks(home, run_id))
        self.seen: tuple[Seen, ...] = tuple([] for _ in looks)
        self._over = threading.Event()
        self._threads = [
            threading.Thread(target=self._watch, args=pair)
            for pair in zip(looks, self.seen, strict=True)
        ]

    def __enter__(self) -> Watch:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _watch(self, look: Callable[[], int], seen: Seen) -> None:
        while not self._over.wait(0.005):
            step = look()
            if not seen or step > seen[-1][1]:
                seen.append((time.time(), step))


def probe_looks(paths: RunPaths) -> Callable[[], int]:
    """The newest step in what the probe has written."""
    tail = ProbeTail(next(paths.root.glob("probe/*")))
    return _newest(lambda: (e["step"] for e in tail.read() if METRIC in e.get("m", {})))


def event_looks(paths: RunPaths) -> Callable[[], int]:
    """The newest step in the run's stream."""
    offset = 0

    def fresh() -> Iterator[int]:
        nonlocal offset
        batch = read_batch(paths.events, offset)
        offset = batch.next_offset
        return (e["step"] for e in batch.events if METRIC in e.get("values", {}))

    return _newest(fresh)


def store_looks(home: Path, run_id: str) -> Callable[[], int]:
    """The newest step in the store."""
    store: list[sqlite3.Connection] = []

    def step() -> int:
        if not store:  # a connection belongs to its thread
            store.append(sqlite3.connect(f"file:{next(home.glob('*.db'))}?mode=ro", uri=True))
        (found,) = (
            store[0]
            .execute(
                "select max(step) from metrics join metric_series using (series_id) "
                "join runs on runs.number = run_number where run_id = ? and metrics.number = last_number",
                (run_id,),
            )
            .fetchone()
        )
        return -1 if found is None else int(found)

    return step


def _newest(fresh: Callable[[], Iterator[int]]) -> Callable[[], int]:
    newest = -1

    def look() -> int:
        nonlocal newest
        newest = max((newest, *fresh()))
        return newest

    return look
