"""A board: TensorBoard for one run, a process of its own in an environment of its own, ended when nobody uses it.

It listens on a free port of loopback and answers only under a path that cannot be guessed, which the API tells those
who may ask it. So it is a stranger to the app's own pages: whatever a script writes into its event files, a page made
of them can neither read nor change anything of the app.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import select
import shutil
import sys
import threading
from pathlib import Path

from repo_runner import process
from repo_runner.board_status import BoardStatus
from repo_runner.environment import Environment, EnvironmentRequest, Environments
from repo_runner.errors import RunnerError
from repo_runner.paths import RunPaths
from repo_runner.settings import Settings

_PROGRAM = Path(__file__).resolve().parent.parent / "board"
_SCRIPT = "serve.py"
IDLE_S = 15 * 60.0
_START_TIMEOUT_S = 90.0
_GRACE_S = 2.0
_TAIL_LINES = 8


class Board:
    """One board; `start` returns at once, `status` tells how far it is."""

    def __init__(
        self, settings: Settings, paths: RunPaths, folder: Path, ancestors: str, idle_s: float
    ) -> None:
        self._settings = settings
        self._paths = paths
        self._folder = folder
        self._ancestors = ancestors
        self._idle_s = idle_s
        self._status = BoardStatus(state="starting", message="Starting TensorBoard")
        self._child: process.Child | None = None
        self._alive: int | None = None
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="board", daemon=True)

    def start(self) -> None:
        """Begin to build its environment, and then to start it."""
        self._thread.start()

    @property
    def status(self) -> BoardStatus:
        """As it is now; a board that has ended is off."""
        if self._status.state == "ready" and self._child and self._child.poll() is not None:
            return BoardStatus()
        return self._status

    def touch(self) -> None:
        """Somebody looks at it."""
        if self._alive is not None:
            with contextlib.suppress(BrokenPipeError):
                os.write(self._alive, b".")

    def close(self) -> None:
        """End it, however far it is."""
        self._closing.set()
        while self._thread.is_alive():
            self._end_child()
            self._thread.join(0.2)
        self._end_child()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _end_child(self) -> None:
        """Down the ladder: its pipe ends, then SIGTERM, then SIGKILL to its group."""
        alive, self._alive = self._alive, None
        if alive is not None:
            os.close(alive)
        child = self._child
        if child is None or process.ended_within(child, _GRACE_S):
            return
        child.terminate()
        if not process.ended_within(child, _GRACE_S):
            process.kill_group(child)

    def _run(self) -> None:
        try:
            environment = self._prepare()
            address = self._launch(environment)
        except RunnerError as error:
            failed = BoardStatus(state="failed", message=error.message, lines=tuple(error.lines))
            self._status = failed
        else:
            self._status = BoardStatus(state="ready", address=address)

    def _prepare(self) -> Environment:
        """The same Python as the app's, whatever runs get; cached like the environments of runs."""
        own = f"{sys.version_info.major}.{sys.version_info.minor}"
        return Environments(self._settings).prepare(
            EnvironmentRequest(_PROGRAM, _SCRIPT, python=own),
            log=lambda _line: None,
            on_progress=self._report,
            cancel=self._closing,
        )

    def _report(self, stage: str, _fraction: float | None, message: str) -> None:
        words = message or stage
        self._status = BoardStatus(state="starting", message=f"Installing TensorBoard: {words}")

    def _launch(self, environment: Environment) -> str:
        self._status = BoardStatus(state="starting", message="Starting TensorBoard")
        shutil.rmtree(self._folder, ignore_errors=True)
        logdir = self._folder / "logdir"
        logdir.mkdir(parents=True, mode=0o700)
        prefix = f"/{secrets.token_urlsafe(24)}"
        alive, self._alive = os.pipe()
        ready, told = os.pipe()
        config = {
            "events": str(self._paths.events),
            "checkout": str(self._paths.checkout),
            "logdir": str(logdir),
            "prefix": prefix,
            "ancestors": self._ancestors,
            "idle_s": self._idle_s,
            "alive_fd": alive,
            "ready_fd": told,
        }
        env = {**self._settings.script_env, "REPO_RUNNER_BOARD": json.dumps(config)}
        with self._log.open("wb") as log:
            self._child = process.start(
                [str(environment.python), str(_PROGRAM / _SCRIPT)],
                env=env,
                cwd=self._folder,
                output=log,
                pass_fds=(alive, told),
            )
        os.close(alive)
        os.close(told)
        return f"http://127.0.0.1:{self._read_port(ready)}{prefix}/"

    def _read_port(self, ready: int) -> int:
        """Told by the process; an end without a word is a failure, and so is a long silence."""
        try:
            is_told = select.select([ready], [], [], _START_TIMEOUT_S)[0]
            port = os.read(ready, 16) if is_told else b""
        finally:
            os.close(ready)
        if not port:
            said = self._log.read_text(errors="replace").splitlines()[-_TAIL_LINES:]
            raise RunnerError("TensorBoard did not start.", lines=said, code="board_failed")
        return int(port)

    @property
    def _log(self) -> Path:
        return self._folder / "board.log"
