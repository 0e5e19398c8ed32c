"""The only door to uv, the package installer: its environment, its progress, its failures."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

import uv

from repo_runner import process
from repo_runner.environment.failures import build_timeout, installer_failure
from repo_runner.models import OnProgress
from repo_runner.paths import HomePaths
from repo_runner.settings import Settings

#: They would send uv elsewhere, or keep the runs' Python from writing bytecode.
_NEVER_PASSED = """
PYTHONPATH PYTHONHOME PYTHONDONTWRITEBYTECODE VIRTUAL_ENV CONDA_PREFIX UV_PYTHON UV_SYSTEM_PYTHON
UV_PROJECT UV_PROJECT_ENVIRONMENT UV_WORKING_DIR UV_WORKING_DIRECTORY UV_COMPILE_BYTECODE
UV_NO_SYNC UV_FROZEN UV_LOCKED UV_VENV_CLEAR
"""
_INDEX_SETTINGS = """
UV_TORCH_BACKEND UV_FIND_LINKS UV_INDEX UV_DEFAULT_INDEX UV_INDEX_URL UV_EXTRA_INDEX_URL
UV_OFFLINE UV_CONFIG_FILE
"""

_RESOLVED = re.compile(r"^Resolved (\d+) packages?")
_DOWNLOAD = re.compile(r"^\s*(Downloading|Downloaded|Building|Built) (\S+)( \(.*\))?")
_PREPARED = re.compile(r"^Prepared (\d+) packages?")
_INSTALLED = re.compile(r"^Installed (\d+) packages?")


@dataclass
class BuildWatch:
    """Who follows a build: each line to `on_log`, where it is to `on_progress`; `cancel` ends it."""

    on_log: Callable[[str], None]
    on_progress: OnProgress
    cancel: threading.Event = field(default_factory=threading.Event)
    #: Packages of the resolution, once it is known.
    packages: int = 0
    started: int = 0
    finished: int = 0
    #: All that was logged.
    lines: list[str] = field(default_factory=list)

    def log(self, text: str) -> None:
        """Log a line."""
        self.lines.append(text)
        self.on_log(text)

    def line(self, text: str) -> None:
        """Log a line of uv and report the progress it stands for."""
        self.log(text)
        if match := _RESOLVED.match(text):
            self.packages = int(match[1])
            self.on_progress("downloading", 0.1, f"Resolved {match[1]} packages")
        elif match := _DOWNLOAD.match(text):
            self._downloaded(match)
        elif match := _PREPARED.match(text):
            self.on_progress("installing", 0.7, f"Prepared {match[1]} packages")
        elif match := _INSTALLED.match(text):
            self.on_progress("installing", 0.8, f"Installed {match[1]} of {self.packages} packages")

    def waiting(self) -> None:
        """Say that another run builds the same environment."""
        self.on_progress(
            "waiting", None, "Another run is building this environment; waiting for it"
        )

    def _downloaded(self, match: re.Match[str]) -> None:
        """Only large downloads are announced, so the share is of those."""
        done = match[1] in ("Downloaded", "Built")
        self.finished += done
        self.started += not done
        share = min(self.finished / max(self.started, 1), 1.0)
        stage = "building" if match[1].startswith(("Building", "Built")) else "downloading"
        self.on_progress(stage, 0.1 + 0.6 * share, f"{match[1]} {match[2]}{match[3] or ''}")


class Installer:
    """Runs uv with the operator's settings and never with what surrounds the app's own Python."""

    def __init__(self, settings: Settings) -> None:
        self._timeout_s = settings.build_timeout_s
        self.env = _environment(settings)

    @property
    def torch_backend(self) -> tuple[str, ...]:
        """Let uv choose torch for this machine, unless the operator says where to get it."""
        configured = any(self.env.get(name) for name in _INDEX_SETTINGS.split())
        return () if configured else ("--torch-backend", "auto")

    def run(self, args: Sequence[str], watch: BuildWatch, *, cwd: Path, **env: str) -> str:
        """Run one uv command; returns its output or raises the error that it stands for."""
        try:
            done = process.run(
                [uv.find_uv_bin(), *args],
                env={**self.env, **env},
                cwd=cwd,
                timeout_s=self._timeout_s,
                cancel=watch.cancel,
                on_line=watch.line,
            )
        except process.ProcessTimeout as error:
            raise build_timeout(error.message, watch.lines) from error
        if done.exit_code:
            raise installer_failure(done.output)
        return done.output


def installer_version() -> str:
    """The version of uv, from its metadata: no process is started."""
    return version("uv")


def _environment(settings: Settings) -> dict[str, str]:
    env = {n: v for n, v in settings.installer_env.items() if n not in _NEVER_PASSED.split()}
    env.setdefault("UV_CACHE_DIR", str(HomePaths(settings.home).packages))
    env.setdefault("UV_LINK_MODE", "hardlink")
    env["NO_COLOR"] = "1"
    env["UV_NO_PROGRESS"] = "1"
    return env
