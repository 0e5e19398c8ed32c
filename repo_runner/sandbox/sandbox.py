"""The sandbox of one attempt: made when the script starts, gone when it has ended."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from repo_runner.environment import Environment
from repo_runner.models import RunSpec, SandboxLevel
from repo_runner.paths import RunPaths
from repo_runner.sandbox import bubblewrap, landlock
from repo_runner.sandbox.walls import Walls
from repo_runner.settings import Settings

_INSIDE_BUBBLEWRAP = "/tmp"  # noqa: S108  # the script's own
_SIGNALLED = 128


@dataclass(frozen=True)
class Sandbox:
    """How a script is started and ended behind its walls; without walls, nothing is different."""

    level: SandboxLevel = "none"
    walls: Walls | None = None
    #: Where the script's personal files go instead of the account's home.
    home: Path | None = None

    @property
    def env(self) -> dict[str, str]:
        """Variables that lead programs to where they may write."""
        if self.walls is None:
            return {}
        is_mounted = self.level == "bubblewrap"
        temporary = _INSIDE_BUBBLEWRAP if is_mounted else str(self.walls.temporary)
        return {"HOME": str(self.home), "TMPDIR": temporary}

    @property
    def launchers(self) -> int:
        """Processes that stay between the one we start and the script: a signal has to pass them by."""
        return bubblewrap.LAUNCHERS if self.level == "bubblewrap" else 0

    def command(self, argv: list[str], cwd: Path) -> list[str]:
        """The command that starts this one inside."""
        if self.walls is None:
            return argv
        if self.level == "bubblewrap":
            return bubblewrap.command(bubblewrap.program() or "bwrap", self.walls, argv, str(cwd))
        rules = {
            "hidden": str(self.walls.hidden),
            "readable": [str(path) for path in self.walls.readable],
            "writable": [str(path) for path in self.walls.writable],
            "devices": self.walls.devices,
        }
        return [sys.executable, "-I", "-S", landlock.__file__, json.dumps(rules), *argv]

    def end_of(self, returncode: int) -> tuple[int | None, int | None]:
        """Exit code or signal of the script: bubblewrap tells a signal as a shell does."""
        if returncode < 0:
            return None, -returncode
        if self.level == "bubblewrap" and returncode > _SIGNALLED:
            return None, returncode - _SIGNALLED
        return returncode, None


@contextmanager
def sandboxed(
    spec: RunSpec, settings: Settings, run: RunPaths, attempt: int, environment: Environment
) -> Iterator[Sandbox]:
    """The sandbox for one attempt, with a temporary folder that goes with it."""
    if spec.sandbox == "none":
        yield Sandbox()
        return
    run.script_home.mkdir(mode=0o700, exist_ok=True)
    run.probe(attempt).mkdir(parents=True, exist_ok=True)
    # A short path: the sockets that data loaders make in there may have 107 characters.
    temporary = Path(tempfile.mkdtemp(prefix=_prefix(run))).resolve()
    try:
        walls = Walls.of(settings, run, attempt, spec.repo_url, environment, temporary)
        yield Sandbox(spec.sandbox, walls, run.script_home.resolve())
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def sweep(run: RunPaths) -> None:
    """Remove the temporary folder that a killed supervisor has left."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_prefix(run)}*"):
        shutil.rmtree(folder, ignore_errors=True)


def _prefix(run: RunPaths) -> str:
    return f"repo-runner-{run.run_id}-"
