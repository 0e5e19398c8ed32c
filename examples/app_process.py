"""The app as a child process, for the demo, the benchmarks and the tests."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from repo_runner.access.one_time_link import new_link
from repo_runner.app_file import AppAddress
from repo_runner.client import Client
from repo_runner.errors import AppUnreachable
from repo_runner.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
#: The console script of this environment, and the framework told not to offer an upgrade (sic).
COMMAND = [
    str(Path(sys.executable).parent / "lightning"),
    "run",
    "app",
    "app.py",
    "--open-ui",
    "false",
]
QUIET = {"LIGHTING_TESTING": "1"}


class AppProcess:
    """`lightning run app app.py` on a data folder and a port of its own, in its own session."""

    def __init__(self, home: Path, *, port: int = 0, env: Mapping[str, str] | None = None) -> None:
        self.home = home
        self.port = port or free_port()
        #: What the app starts with.
        self.env = {
            **{n: v for n, v in os.environ.items() if n != "PYTHONDONTWRITEBYTECODE"},
            **QUIET,
            **(env or {}),
            "REPO_RUNNER_HOME": str(home),
            "REPO_RUNNER_PORT": str(self.port),
        }
        self.log = home.parent / f"{home.name}-app-output.log"
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def settings(self) -> Settings:
        """As the app reads them."""
        return Settings.from_env(self.env)

    def __enter__(self) -> AppProcess:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, timeout_s: float = 60) -> Client:
        """Start the app and return a client once it answers."""
        self.home.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                COMMAND,
                cwd=ROOT,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        return self.wait_ready(timeout_s)

    def wait_ready(self, timeout_s: float) -> Client:
        """A client of the started app; raises AppUnreachable with the app's own words."""
        assert self.process is not None
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline and self.process.poll() is None:
            client = reach(self.settings)
            if client is not None:
                return client
            time.sleep(0.1)
        said = self.log.read_text(errors="replace")[-4000:]
        self.stop()
        raise AppUnreachable(f"The app did not start:\n{said}", hint="")

    def link(self) -> str:
        """A fresh one-time link: opened in a browser, it sets the session and leads to the page."""
        found = AppAddress.find(self.settings)
        return new_link(found.public_address, found.token)

    def stop(self, number: int = signal.SIGTERM, timeout_s: float = 20) -> int | None:
        """Signal the main process and wait for its end; returns its exit code."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            return self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            return self.process.wait()


def reach(settings: Settings) -> Client | None:
    """A client of the app on this data folder, or None while none answers."""
    try:
        client = Client(AppAddress.find(settings).address, AppAddress.find(settings).token)
        client.health()
    except AppUnreachable:
        return None
    return client


def free_port() -> int:
    """A port nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
