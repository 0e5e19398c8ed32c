"""The stand-in app as a child process, and what its tests ask of it."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil

from examples import app_process
from examples.app_process import AppProcess
from repo_runner import bell
from repo_runner.app_file import AppAddress
from repo_runner.paths import HomePaths
from tests.waiting import wait_for

APP_FILE = "tests/integration/rim_app.py"


class RimProcess(AppProcess):
    """`lightning run app tests/integration/rim_app.py`."""

    def __init__(self, home: Path, port: int = 0, **env: str) -> None:
        own = {n: v for n, v in os.environ.items() if not n.startswith("REPO_RUNNER_")}
        super().__init__(home, port=port, env={**own, "PYTHONPATH": str(app_process.ROOT), **env})

    def start(self, timeout_s: float = 60) -> object:
        known, app_process.COMMAND = app_process.COMMAND, _command()
        try:
            return super().start(timeout_s)
        finally:
            app_process.COMMAND = known

    @property
    def main(self) -> psutil.Process:
        assert self.process is not None
        return psutil.Process(self.process.pid)

    @property
    def said(self) -> str:
        """What the terminal shows."""
        return self.log.read_text(errors="replace")

    @property
    def app_log(self) -> str:
        path = HomePaths(self.home).app_log
        return path.read_text() if path.exists() else ""

    @property
    def address(self) -> AppAddress:
        return AppAddress.find(self.settings)

    def address_file_exists(self) -> bool:
        return HomePaths(self.home).app.exists()

    def child(self, words: str) -> psutil.Process:
        """The direct child whose command line holds these words."""
        return wait_for(
            lambda: next((c for c in self.main.children() if _says(c, words)), None), what=words
        )

    def server(self) -> psutil.Process:
        """Whatever listens on the app's port."""
        listening = (c for c in psutil.net_connections("tcp") if c.status == psutil.CONN_LISTEN)
        return psutil.Process(next(c.pid for c in listening if c.laddr.port == self.port))

    def submit(self, run_id: str) -> float:
        """Store an intent; returns when."""
        (self.home / "waiting" / run_id).touch()
        bell.ring(HomePaths(self.home).bell)
        return time.time()

    def started(self, run_id: str) -> tuple[int, float]:
        """The pid of the run's work and when it began."""
        path = self.home / "started" / run_id
        pid, at = wait_for(
            lambda: path.exists() and path.read_text(),
            what=f"{run_id}'s work",
            log=lambda: self.app_log,
        ).split()
        return int(pid), float(at)

    def finish(self, run_id: str) -> None:
        """End a long run, or wait for the end of a short one."""
        waiting = self.home / "waiting" / run_id
        if run_id.startswith("long"):
            waiting.unlink()
        wait_for(
            lambda: not waiting.exists(), what=f"the end of {run_id}", log=lambda: self.app_log
        )

    def state(self) -> dict:
        """The framework's shared state."""
        found = self.address
        token = {"authorization": f"Bearer {found.token}"}
        state: dict = httpx.get(
            f"{found.address}/api/v1/state", headers=token, trust_env=False
        ).json()
        return state

    def enter(self) -> dict[str, str]:
        """Open a one-time link; returns what a browser sends from then on."""
        answer = httpx.get(self.link(), trust_env=False)
        return {"cookie": answer.headers["set-cookie"].partition(";")[0]}

    def works(self) -> dict:
        return self.state()["structures"]["runs"]["works"]


@contextmanager
def running(home: Path, port: int = 0, **env: str) -> Iterator[RimProcess]:
    process = RimProcess(home, port, **env)
    try:
        process.start()
        yield process
    finally:
        process.stop()


def _says(process: psutil.Process, words: str) -> bool:
    with contextlib.suppress(psutil.Error):
        return words in " ".join(process.cmdline())
    return False


def _command() -> list[str]:
    return [APP_FILE if word == "app.py" else word for word in app_process.COMMAND]
