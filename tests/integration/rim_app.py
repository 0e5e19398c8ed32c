"""The app as app.py wires it, with stand-ins for what decides about runs and what follows them.

A run is a file in `waiting/`; its name says what its follower does. Loaded by `lightning run app`.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from threading import Event
from typing import Any

from app import build, open_manager
from components import api_server, frontend
from components.repo_runner import PyTorchLightningGithubRepoRunner
from repo_runner import bell
from repo_runner.paths import HomePaths
from repo_runner.settings import Settings


class StandInManager:
    def __init__(self, settings: Settings) -> None:
        self._manager = open_manager(settings)
        self._waiting = settings.home / "waiting"
        self._waiting.mkdir(exist_ok=True)
        (settings.home / "started").mkdir(exist_ok=True)

    def due(self, following: Collection[str]) -> list[str]:
        return sorted(p.name for p in self._waiting.iterdir() if p.name not in following)

    def revision(self) -> float:
        return self._manager.revision()

    def close(self) -> None:
        self._manager.close()


class StandInFollower:
    def __init__(self, settings: Settings, run_id: str, on_summary: Callable[[str], None]) -> None:
        self._home = settings.home
        self._run_id = run_id
        self._on_summary = on_summary

    def follow(self, closing: Event) -> None:
        waiting = self._home / "waiting" / self._run_id
        started = self._home / "started" / self._run_id
        is_first = not started.exists()
        started.write_text(f"{os.getpid()} {time.time()}")
        if is_first and self._run_id.startswith("fails"):
            raise OSError("the follower fails once")
        epoch = 0
        while self._run_id.startswith("long") and waiting.exists() and not closing.wait(0.1):
            epoch += 1
            best = {"best_model_score": 0.5, "best_model_path": "best.ckpt"}
            facts = {
                "run_id": self._run_id,
                "status": "running",
                "epoch": epoch,
                "metrics": [["loss", 0.1]],
            }
            self._on_summary(json.dumps({**facts, **best}))
        if not closing.is_set():
            waiting.unlink(missing_ok=True)
            bell.ring(HomePaths(self._home).bell)


def make_work(settings: Settings, run_id: str) -> PyTorchLightningGithubRepoRunner:
    return PyTorchLightningGithubRepoRunner(settings, run_id, StandInFollower)


build_service = api_server.build_service


def build_and_record(settings: Settings) -> object:
    """In the server's process: note what this very service has routes for."""
    service = build_service(settings)
    routes = [
        [sorted(getattr(route, "methods", None) or [type(route).__name__]), route.path]
        for route in all_routes(service.routes)
    ]
    (settings.home / "routes.json").write_text(json.dumps({"pid": os.getpid(), "routes": routes}))
    return service


def all_routes(routes: Iterable[Any]) -> Iterator[Any]:
    """Flat: FastAPI keeps an included router as one entry."""
    for route in routes:
        router = getattr(route, "original_router", None)
        yield from all_routes(router.routes) if router else (route,)


def note_failure() -> None:
    """When the part failed: from then on the app has five seconds."""
    (HomePaths(Settings.from_env().home).root / "failed-at").write_text(str(time.time()))


def break_guard(*_: object, **__: object) -> None:
    note_failure()
    raise RuntimeError("the guard cannot stand")


def die_at_once(*_: object, **__: object) -> None:
    note_failure()
    os.kill(os.getpid(), signal.SIGKILL)


launch = frontend.StreamlitUI._launch


def launch_in_vain(ui: frontend.StreamlitUI) -> None:
    """It fails a moment after this."""
    note_failure()
    launch(ui)


api_server.build_service = build_and_record
if os.environ.get("RIM_BREAKS") == "guard":
    api_server.Guard = break_guard
if os.environ.get("RIM_BREAKS") == "server":
    api_server.Guard = die_at_once
if __name__ == "__main__":
    if os.environ.get("RIM_START_METHOD"):
        multiprocessing.set_start_method(os.environ["RIM_START_METHOD"])
    if os.environ.get("RIM_BREAKS") == "ui":
        frontend._ROOT = Path("/")  # where there is no ui
        frontend.StreamlitUI._launch = launch_in_vain
    app = build(StandInManager, make_work)
