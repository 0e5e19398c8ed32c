"""The started app whose processes a test signals, and what must be true again afterwards."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import psutil

from examples.app_process import AppProcess
from repo_runner import lease
from repo_runner.app_file import AppAddress
from repo_runner.client import Client
from repo_runner.errors import AppUnreachable
from repo_runner.paths import HomePaths
from repo_runner.process import MARKER, ProcessIdentity
from tests.waiting import wait_for

#: What every run must be within after the app's start.
REATTACHED_S = 10.0
_PATIENCE_S = 60.0

T = TypeVar("T")


@dataclass(frozen=True)
class Death:
    """A signal to one of the app's processes while a run is in a phase."""

    phase: str
    process: str
    signal: signal.Signals

    def __str__(self) -> str:
        return f"{self.signal.name} to {self.process} while {self.phase}"


class Patient:
    """The app, started again after each death of its main process."""

    def __init__(self, app: AppProcess, run_id: str = "") -> None:
        self.app = app
        self.run_id = run_id
        self.client = app.start()
        #: The longest time from the app's readiness to its following every run.
        self.reattached_s = 0.0
        #: How often the app had to be started again.
        self.restarts = 0

    def ask(self, call: Callable[[Client], T]) -> T:
        """Call the app; if it has ended, start it again and repeat."""
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            try:
                return call(self.client)
            except AppUnreachable:
                if time.monotonic() > deadline:
                    raise
                if self.app.process is None or not _ended_within(self.app.process, 0.2):
                    continue
                self._start_again()

    def find_now(self, kind: str) -> psutil.Process | None:
        """A process of this kind, if there is one at this moment."""
        with contextlib.suppress(psutil.Error):
            return self._main if kind == "main" else self._child(kind)
        return None

    def suffer(self, death: Death) -> None:
        """Send the signal; then the app is as it was, or has ended whole and is started again."""
        family = self._family()
        supervisor = self.supervisor
        ports = [self.app.port, self._ui_port]
        victim = self._find(death.process)
        victim.send_signal(death.signal)
        if self._ends_the_app(death):
            self._has_ended(family, ports)
            self._start_again()
        elif death.signal in (signal.SIGKILL, signal.SIGTERM) and death.process != "supervisor":
            wait_for(lambda: not _lives(victim), what=f"the end of the {death.process}")
        wait_for(lambda: accepts(self._ui_port), what="the UI", log=self.log)
        self._is_followed()
        assert self.supervisor == supervisor
        assert not self.client.get(self.run_id).status.is_terminal, str(death)

    @property
    def supervisor(self) -> ProcessIdentity | None:
        """Of the run; None while it waits."""
        return lease.holder(HomePaths(self.app.home).run(self.run_id).lock)

    @property
    def _main(self) -> psutil.Process:
        assert self.app.process is not None
        return psutil.Process(self.app.process.pid)

    @property
    def _ui_port(self) -> int:
        return int(AppAddress.find(self.app.settings).ui_address.rpartition(":")[2])

    def _find(self, kind: str) -> psutil.Process:
        if kind == "main":
            return self._main
        if kind == "supervisor":
            assert self.supervisor
            return psutil.Process(self.supervisor.pid)
        return wait_for(lambda: self._child(kind), what=f"the {kind}", log=self.log)

    def _family(self) -> list[psutil.Process]:
        """The app's processes; the runs' supervisors and scripts are its descendants too, but not its own."""
        family = []
        for child in self._main.children(recursive=True):
            with contextlib.suppress(psutil.Error):
                if MARKER not in child.environ():
                    family.append(child)
        return family

    def _child(self, kind: str) -> psutil.Process | None:
        server = _listener(self.app.port)
        for child in self._main.children():
            with contextlib.suppress(psutil.Error):
                words = " ".join(child.cmdline())
                is_server = child.pid == server
                if kind == (
                    "UI" if "ui.serve" in words else "API server" if is_server else _other(words)
                ):
                    return child
        return None

    @staticmethod
    def _ends_the_app(death: Death) -> bool:
        """The API server ignores what a terminal sends to all: the main process answers to that."""
        return death.process == "main" or (
            death.process == "API server" and death.signal in (signal.SIGTERM, signal.SIGKILL)
        )

    def _has_ended(self, family: list[psutil.Process], ports: list[int]) -> None:
        assert self.app.process is not None
        self.app.process.wait(20)
        _, alive = psutil.wait_procs(family, timeout=5)
        assert alive == []
        assert [port for port in ports if accepts(port)] == []

    def _start_again(self) -> None:
        self.client = self.app.start()
        self.restarts += 1
        began = time.monotonic()
        self._is_followed()
        self.reattached_s = max(self.reattached_s, time.monotonic() - began)

    def _is_followed(self) -> None:
        """Every run that has begun, and not ended meanwhile, has a work that has looked at it."""

        def all_are() -> bool:
            runs = self.client.list(status="running", limit=200).runs
            return {run.run_id for run in runs} <= followed(self.client)

        wait_for(all_are, timeout_s=3 * REATTACHED_S, what="works for all runs", log=self.log)

    def log(self) -> str:
        """What the app has said."""
        said = HomePaths(self.app.home).app_log
        return self.app.log.read_text() + (said.read_text() if said.exists() else "")


def _ended_within(child: subprocess.Popen[bytes], seconds: float) -> bool:
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(seconds)
        return True
    return False


def followed(client: Client) -> set[str]:
    """The runs whose works have shown a summary, by the framework's shared state."""
    works = client.state()["structures"]["runs"]["works"].values()
    return {w["vars"]["run_id"] for w in works if json.loads(w["vars"]["summary"])}


def accepts(port: int) -> bool:
    """Whether somebody listens there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _other(words: str) -> str:
    return "tracker" if "resource_tracker" in words else "work"


def _listener(port: int) -> int | None:
    listening = (c for c in psutil.net_connections("tcp") if c.status == psutil.CONN_LISTEN)
    return next((c.pid for c in listening if c.laddr.port == port), None)


def _lives(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False
