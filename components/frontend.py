"""Our Streamlit frontend: a light process that knows neither Lightning nor torch, on a port of 127.0.0.1."""

from __future__ import annotations

import os
import socket
import sys
import time
from pathlib import Path

from lightning.app.frontend import Frontend

from repo_runner import process
from repo_runner.paths import HomePaths
from repo_runner.settings import UI_PATH, Settings

#: Page, frame and API share this name, so that the browser takes them for one site.
_HOST = "127.0.0.1"
_START_TIMEOUT_S = 30.0
_POLL_S = 0.02
#: A frontend that keeps dying is not started more often than this.
_RESTART_PERIOD_S = 2.0
_ROOT = Path(__file__).parents[1]


class StreamlitUI(Frontend):
    """One Streamlit process, started before the app reports ready, started again if it dies, ended with the app."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self._settings = settings
        self._port = 0
        self._child: process.Child | None = None
        self._launched_at = 0.0

    @property
    def address(self) -> str:
        """Where the browser finds the UI: on its port, or behind the proxy."""
        external = self._settings.external_url.rstrip("/")
        return f"{external}/{UI_PATH}" if external else f"http://{_HOST}:{self._port}"

    def start_server(self, host: str, port: int, root_path: str = "") -> None:  # noqa: ARG002  # the framework's
        """Start the process; the API server starts while it comes up. It listens where the settings say."""
        self._port = self._settings.ui_port or port
        self._launch()

    def wait_until_open(self) -> None:
        """Return when the port accepts (a frame that is refused once never asks again), or end the app."""
        deadline = time.monotonic() + _START_TIMEOUT_S
        while not _accepts(self._settings.bind, self._port):
            if self._child is None or self._child.poll() is not None or time.monotonic() > deadline:
                self.stop_server()
                sys.exit(
                    f"Repo Runner cannot start: the UI does not come up; the end of {self._log} says why."
                )
            time.sleep(_POLL_S)

    def stop_server(self) -> None:
        """Kill the process; it holds nothing that needs saving."""
        if self._child is not None:
            process.kill_group(self._child)
            self._child = None

    def revive(self) -> None:
        """Start the process again on its port if it has died; pages reconnect by themselves."""
        has_died = self._child is not None and self._child.poll() is not None
        if has_died and time.monotonic() - self._launched_at > _RESTART_PERIOD_S:
            self._launch()

    @property
    def _log(self) -> Path:
        return HomePaths(self._settings.home).app_log

    def _launch(self) -> None:
        argv = [sys.executable, "-m", "ui.serve", str(self._port), str(os.getpid())]
        with self._log.open("ab") as log:
            self._child = process.start(argv, env=self._settings.ui_env, cwd=_ROOT, output=log)
        self._launched_at = time.monotonic()


def _accepts(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port)).close()
    except OSError:
        return False
    return True
