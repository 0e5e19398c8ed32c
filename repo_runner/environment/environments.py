"""Builds or reuses the environment of a run: one cached venv per content."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from repo_runner.environment.build import EnvironmentBuild
from repo_runner.environment.bytecode import BytecodeStore
from repo_runner.environment.cache import PYTHON, CacheEntry, EnvironmentCache, Lease
from repo_runner.environment.declared import plan_dependencies
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
    #: How long building it took, whenever that was.
    seconds: float
    #: What of the repository's declarations could not be honoured.
    notes: tuple[str, ...] = ()


class Environments:
    """The environments of all runs of one data folder, shared by processes and threads."""

    def __init__(self, settings: Settings) -> None:
        self._defaults = settings.default_requirements
        self._default_python = settings.default_python
        self._installer = Installer(settings)
        self._interpreters = Interpreters(settings, self._installer)
        self._cache = EnvironmentCache(HomePaths(settings.home).environments)
        self._bytecode = BytecodeStore(settings.home / "cache" / "bytecode")
        self._leases: dict[str, list[Lease]] = {}
        self._guard = threading.Lock()

    def prepare(
        self,
        checkout: Path,
        script_path: str,
        requirements: Sequence[str],
        *,
        python: str = "",
        log: Callable[[str], None],
        on_progress: OnProgress,
        cancel: threading.Event | None = None,
    ) -> Environment:
        """The environment for a script at this checkout, which is only read.

        Raises InvalidRequirement, PythonUnavailable, ResolutionImpossible, NoMatchingWheel,
        IndexUnreachable, DiskFull or BuildFailed, with uv's own words in `lines`;
        ProcessCancelled when `cancel` is set.
        """
        watch = BuildWatch(log, on_progress, cancel or threading.Event())
        plan = plan_dependencies(
            checkout, script_path, parse_requirements(requirements), self._defaults
        )
        interpreter = self._interpreters.find(self._python(python, plan), watch)
        key = environment_key(plan, interpreter, self._installer, checkout)
        build = EnvironmentBuild(
            plan, interpreter, checkout, self._installer, self._bytecode, watch
        )
        with _full_disk_said():
            leased, reused = self._cache.lease_or_build(key, build.run, watch.cancel, watch.waiting)
        with self._guard:
            self._leases.setdefault(key, []).append(leased.lease)
        watch.on_progress("ready", 1.0, "Environment reused" if reused else "Environment built")
        return _environment(key, leased.lease.folder, leased.entry, reused)

    def release(self, environment: Environment) -> None:
        """Let one `prepare` of this environment go; from then on it may be evicted."""
        with self._guard:
            leases = self._leases.get(environment.key, [])
            if leases:
                leases.pop().release()

    def evict(self, *, max_bytes: int, max_age_s: float) -> tuple[str, ...]:
        """Remove what nobody uses: the old, then the longest unused; returns the keys gone."""
        removed = self._cache.evict(max_bytes=max_bytes, max_age_s=max_age_s)
        self._bytecode.prune()
        return removed

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


def _environment(key: str, folder: Path, entry: CacheEntry, reused: bool) -> Environment:
    return Environment(
        key=key,
        path=folder / PYTHON.parts[0],
        python=folder / PYTHON,
        python_version=entry.python_version,
        reused=reused,
        freeze=entry.freeze,
        seconds=entry.seconds,
        notes=entry.notes,
    )
