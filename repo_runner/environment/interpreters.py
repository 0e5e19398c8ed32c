"""The Python of an environment: the app's own when it fits, else what uv finds or may provide.

What uv found is remembered by the interpreter's path and modification time, so that asking again
starts no process.
"""

from __future__ import annotations

import json
import os
import platform
import re
import sys
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from repo_runner.environment.installer import BuildWatch, Installer
from repo_runner.errors import BuildFailed, InvalidInput, PythonUnavailable
from repo_runner.paths import HomePaths
from repo_runner.settings import Settings

_VERSION = re.compile(r"\d+(\.\d+){0,2}")


@dataclass(frozen=True)
class Interpreter:
    """One installed Python."""

    path: str
    version: str
    implementation: str

    @property
    def cache_tag(self) -> str:
        """The tag in the names of its bytecode files, such as `cpython-311`."""
        return f"{self.implementation}-{''.join(self.version.split('.')[:2])}"

    def fits(self, request: str) -> bool:
        """Whether it is of the asked version (`3.11`, `3.11.7`) or range (`>=3.10,<3.13`)."""
        if not request:
            return True
        if _VERSION.fullmatch(request):
            asked = request.split(".")
            return self.version.split(".")[: len(asked)] == asked
        return SpecifierSet(request).contains(self.version)


def own_interpreter() -> Interpreter:
    """The interpreter below the app's own virtual environment."""
    path = getattr(sys, "_base_executable", sys.executable)
    return Interpreter(path, platform.python_version(), sys.implementation.name)


class Interpreters:
    """Finds interpreters; one is downloaded only where uv's own settings allow it."""

    def __init__(self, settings: Settings, installer: Installer) -> None:
        self._installer = installer
        self._folder = HomePaths(settings.home).pythons
        #: uv's own setting for where it puts the interpreters it provides, unless the
        #: operator chose a place.
        folder = installer.env.get("UV_PYTHON_INSTALL_DIR", str(self._folder))
        self._provided = {"UV_PYTHON_INSTALL_DIR": folder}
        self._memory = settings.home / "cache" / "interpreters.json"

    def find(self, request: str, watch: BuildWatch) -> Interpreter:
        """The interpreter for a version or range; PythonUnavailable names those installed."""
        _check_request(request)
        own = own_interpreter()
        if own.fits(request):
            return own
        return self._remembered(request) or self._remember(request, self._search(request, watch))

    def choose(self, default: str, wanted: str) -> str:
        """The operator's default (none: the app's own) unless a repository wants another."""
        chosen = Interpreter("", default, "") if default else own_interpreter()
        return default if chosen.fits(wanted) else wanted

    def _search(self, request: str, watch: BuildWatch) -> Interpreter:
        """First what this machine has, then what uv has provided or may provide now."""
        watch.on_progress("python", 0.01, f"Looking for Python {request}")
        try:
            return self._ask(request, watch)
        except PythonUnavailable as missing:
            lines = missing.lines
        if self._installer.env.get("UV_PYTHON_DOWNLOADS", "automatic") != "automatic":
            raise self._unavailable(request, lines, watch)
        try:
            watch.log(f"Python {request} is not installed; uv may provide it")
            self._uv(["python", "install", "--no-bin", request], watch, **self._provided)
            return self._ask(request, watch, **self._provided)
        except BuildFailed as error:
            raise self._unavailable(request, error.lines, watch) from error

    def _ask(self, request: str, watch: BuildWatch, **env: str) -> Interpreter:
        args = ["python", "find", "--no-project", "--system", "--no-python-downloads", request]
        path = self._uv(args, watch, **env).splitlines()[-1].strip()
        version = self._uv([*args, "--show-version"], watch, **env).splitlines()[-1].strip()
        return Interpreter(path, version, "cpython")

    def _unavailable(self, request: str, lines: list[str], watch: BuildWatch) -> PythonUnavailable:
        installed = ", ".join(self._installed(watch)) or "none"
        message = f"Python {request} is not available; installed: {installed}."
        return PythonUnavailable(message, field="python", lines=lines)

    def _installed(self, watch: BuildWatch) -> list[str]:
        output = self._uv(["python", "list", "--only-installed", "--output-format", "json"], watch)
        rows: list[dict[str, Any]] = json.loads(output[output.index("[{") :])
        return sorted({str(row["version"]) for row in rows})

    def _uv(self, args: list[str], watch: BuildWatch, **env: str) -> str:
        self._folder.mkdir(parents=True, exist_ok=True)
        return self._installer.run(args, watch, cwd=self._folder, **env)

    def _remembered(self, request: str) -> Interpreter | None:
        entry = self._load().get(request)
        if entry is None or _modified(entry["path"]) != entry.pop("modified"):
            return None
        return Interpreter(**entry)

    def _remember(self, request: str, found: Interpreter) -> Interpreter:
        entry = {**asdict(found), "modified": _modified(found.path)}
        aside = self._memory.with_suffix(f".{os.getpid()}-{threading.get_ident()}")
        aside.write_text(json.dumps({**self._load(), request: entry}))
        aside.replace(self._memory)
        return found

    def _load(self) -> dict[str, dict[str, Any]]:
        try:
            entries: dict[str, dict[str, Any]] = json.loads(self._memory.read_text())
        except (FileNotFoundError, ValueError):
            return {}
        return entries


def _check_request(request: str) -> None:
    """A version or a range and nothing else: no path, no option, no address."""
    if not request or _VERSION.fullmatch(request):
        return
    try:
        SpecifierSet(request)
    except InvalidSpecifier as error:
        raise InvalidInput(
            f"{request!r} is not a Python version.",
            field="python",
            hint="Write it as 3.11 or 3.11.7.",
        ) from error


def _modified(path: str) -> int | None:
    try:
        return Path(path).stat().st_mtime_ns
    except OSError:
        return None
