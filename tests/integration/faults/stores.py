"""What the fault tests share: a store with runs in it, and a disk that is really small."""

from __future__ import annotations

import asyncio
import json
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from repo_runner import api, submitted
from repo_runner.events import EventWriter
from repo_runner.manager import Manager
from repo_runner.models import RunSpec
from repo_runner.settings import Settings

SPEC = RunSpec(
    repo_url="https://github.com/a/b", commit_sha="0" * 40, script_path="train.py", name="a name"
)

EndedRun = Callable[..., str]


class Http:
    """Calls the API in this process."""

    def __init__(self, settings: Settings) -> None:
        self.app = FastAPI()
        api.install(self.app, settings)
        self.manager: Manager = self.app.state.manager_of_repo_runner()
        self._transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)

    def request(self, method: str, path: str, **options: object) -> httpx.Response:
        async def call() -> httpx.Response:
            async with httpx.AsyncClient(transport=self._transport, base_url="http://app") as http:
                return await http.request(method, f"/api/v1{path}", **options)

        return asyncio.run(call())

    def get(self, path: str, **options: object) -> httpx.Response:
        return self.request("GET", path, **options)


@pytest.fixture
def kept(settings: Settings) -> Iterator[Manager]:
    """A manager on an empty store."""
    manager = Manager(settings)
    manager.recover()
    yield manager
    manager.close()


@pytest.fixture
def http(kept: Manager) -> Iterator[Http]:
    http = Http(kept.settings)
    yield http
    http.manager.close()


@pytest.fixture
def ended_run(kept: Manager) -> EndedRun:
    """`ended_run()`: a run that succeeded, with metrics, a log and a checkpoint, as its supervisor leaves it."""

    def make(
        *, size_bytes: int = 1000, ended_at: float | None = None, key: str | None = None
    ) -> str:
        run_id = submitted.store(kept.store, kept.paths, SPEC, key)
        paths = kept.paths.run(run_id)
        paths.lock.touch()
        paths.output.write_bytes(b"a line\n" * 10)
        paths.checkpoints.mkdir()
        (paths.checkpoints / "best.ckpt").write_bytes(b"x" * size_bytes)
        events = EventWriter(paths.events)
        events.write("attempt", attempt=1, pid=1)
        events.write("phase", phase="training")
        events.write("metrics", values={"loss": 0.5}, step=1, epoch=0)
        best = {"name": "best.ckpt", "path": "best.ckpt", "is_best": True, "sha256": "0" * 64}
        more = {"size_bytes": size_bytes, "saved_at": "2026-01-01T00:00:00Z"}
        facts = {"monitor": "loss", "mode": "min", "score": 0.5}
        events.write("checkpoints", items=[{**best, **more, **facts}])
        events.close()
        record = {"attempt": 1, "exit_code": 0, "ended_at": ended_at or time.time()}
        paths.exit.write_text(json.dumps(record))
        return run_id

    return make


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 24 MiB, where mounting is allowed; the faults that need none have tests of their own."""
    folder = tmp_path / "small"
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(folder)],
        capture_output=True,
        check=False,
    )
    if done.returncode:
        pytest.skip("only the superuser may mount a small disk")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


class Ballast:
    """Fills a disk to its last byte, and keeps it full."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._fill)

    def __enter__(self) -> None:
        self._grow()
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()
        self._path.unlink()

    def _fill(self) -> None:
        while not self._done.wait(0.01):
            self._grow()

    def _grow(self) -> None:
        with self._path.open("ab", buffering=0) as file:
            for size in (1 << 20, 1 << 12, 1):
                try:
                    while file.write(b"x" * size):
                        pass
                except OSError:
                    continue
