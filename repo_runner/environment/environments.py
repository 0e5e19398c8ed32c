"""Builds or reuses the environment of a run: one cached venv per content."""

from __future__ import annotations

import contextlib
import errno
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from repo_runner.environment.build import BUILD_LOG, EnvironmentBuild
from repo_runner.environment.bytecode import BytecodeStore
from repo_runner.environment.cache import PYTHON, EnvironmentCache, Lease, Leased
from repo_runner.environment.declared import plan_dependencies
from repo_runner.environment.declared_lines import Declared, declared_lines
from repo_runner.environment.installer import BuildWatch, Installer
from repo_runner.environment.interpreters import Interpreters
from repo_runner.environment.key import environment_key
from repo_runner.environment.plan import DependencyPlan
from repo_runner.errors import DiskFull
from repo_runner.models import OnProgress
from repo_runner.paths import HomePaths
from repo_runner.requirements import parse_requirements
from repo_runner.settings import Settings


@dataclass(frozen=True)
class EnvironmentRequest:
    """What a run asks for."""

    #: Only read.
    checkout: Path
    script_path: str
    #: Layered on top of what the repository declares.
    requirements: Sequence[str] = ()
    #: Version or range; empty: the repository's, else the operator's default.
    python: str = ""
    #: Honoured instead of the best of the repository's dependency files.
    dependency_file: str = ""


@dataclass(frozen=True)
class Environment:
    """A finished environment, leased: not evicted before it is released or this process ends."""

    key: str
    path: Path
    python: Path
    python_version: str
    #: Whether it was there already.
    reused: bool
    #: Every installed package, as `uv pip freeze` says it.
    freeze: tuple[str, ...]
    #: The repository's files that decided what is in it.
    dependency_files: tuple[str, ...]
    #: How long building it took, whenever that was.
    seconds: float
    #: What of the repository's declarations could not be honoured.
    notes: tuple[str, ...] = ()
    #: What was asked for, by file.
    declared: tuple[Declared, ...] = ()

    def record(self) -> dict[str, Any]:
        """What a run keeps of it, for JSON; it says no place on this machine."""
        return {
            "key": self.key,
            "python": self.python_version,
            "freeze": self.freeze,
            "notes": self.notes,
            "dependency_files": self.dependency_files,
            "declared": self.declared,
            "reused": self.reused,
            "seconds": self.seconds,
        }


class Environments:
    """The environments of all runs of one data folder, shared by processes and threads."""

    def __init__(self, settings: Settings) -> None:
        paths = HomePaths(settings.home)
        self._defaults = settings.default_requirements
        self._default_python = settings.default_python
        self._installer = Installer(settings)
        self._interpreters = Interpreters(settings, self._installer)
        self._cache = EnvironmentCache(paths.environments)
        self._bytecode = BytecodeStore(paths.bytecode)
        self._leases: dict[str, list[Lease]] = {}
        self._guard = threading.Lock()

    def prepare(
        self,
        request: EnvironmentRequest,
        *,
        log: Callable[[str], None],
        on_progress: OnProgress,
        cancel: threading.Event | None = None,
    ) -> Environment:
        """The environment a run asks for; the log of its build is said again when it is reused.

        Raises InvalidRequirement, PythonUnavailable, ResolutionImpossible, NoMatchingWheel,
        IndexUnreachable, HashMismatch, BuildTimeout, DiskFull or BuildFailed, with uv's own words
        in `lines`; ProcessCancelled when `cancel` is set.
        """
        watch = BuildWatch(log, on_progress, cancel or threading.Event())
        plan = self._plan(request)
        interpreter = self._interpreters.find(self._python(request.python, plan), watch)
        key = environment_key(plan, interpreter, self._installer, request.checkout)
        build = EnvironmentBuild(
            plan, interpreter, request.checkout, self._installer, self._bytecode, watch
        )
        with _full_disk_said():
            leased, reused = self._cache.lease_or_build(key, build.run, watch.cancel, watch.waiting)
        with self._guard:
            self._leases.setdefault(key, []).append(leased.lease)
        if reused:
            _say_again(leased, watch)
        watch.on_progress("ready", 1.0, "Environment reused" if reused else "Environment built")
        return replace(
            _environment(key, plan, leased, reused),
            declared=declared_lines(request.checkout, plan),
        )

    def release(self, environment: Environment) -> None:
        """Let one `prepare` of this environment go; from then on it may be evicted."""
        with self._guard:
            leases = self._leases.get(environment.key, [])
            if leases:
                leases.pop().release()

    def _plan(self, request: EnvironmentRequest) -> DependencyPlan:
        return plan_dependencies(
            request.checkout,
            request.script_path,
            parse_requirements(request.requirements),
            self._defaults,
            dependency_file=request.dependency_file,
        )

    def _python(self, asked: str, plan: DependencyPlan) -> str:
        """The person's choice, else the repository's where the default does not fit it."""
        if asked:
            return asked
        return self._interpreters.choose(self._default_python, plan.python)


@contextmanager
def _full_disk_said() -> Iterator[None]:
    """The disk may also fill while this app itself copies or writes."""
    try:
        yield
    except OSError as error:
        if os.strerror(errno.ENOSPC) in str(error) or os.strerror(errno.EDQUOT) in str(error):
            raise DiskFull(lines=str(error).splitlines()[-1:]) from error
        raise


def _say_again(leased: Leased, watch: BuildWatch) -> None:
    with contextlib.suppress(FileNotFoundError):  # built before logs were kept
        said = (leased.lease.folder / BUILD_LOG).read_text(errors="replace")
        watch.log("This environment was there already; this is what was said when it was built:")
        for line in said.splitlines():
            watch.log(line)


def _environment(key: str, plan: DependencyPlan, leased: Leased, reused: bool) -> Environment:
    entry, folder = leased.entry, leased.lease.folder
    return Environment(
        key=key,
        path=folder / PYTHON.parts[0],
        python=folder / PYTHON,
        python_version=entry.python_version,
        reused=reused,
        freeze=entry.freeze,
        dependency_files=plan.files,
        seconds=entry.seconds,
        notes=entry.notes,
    )
