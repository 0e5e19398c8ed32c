"""The control group of a running script, used where there is one; its file in the run folder says so."""

from __future__ import annotations

import contextlib
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from repo_runner import lease
from repo_runner.app_file import write_private
from repo_runner.cgroup import Cgroup
from repo_runner.models import Limits
from repo_runner.paths import HomePaths, RunPaths


class RunGroup:
    """For one script; all of it does nothing where cgroup v2 is not delegated."""

    def __init__(self, paths: RunPaths, limits: Limits, *, is_wanted: bool) -> None:
        self._is_wanted = is_wanted
        self._paths = paths
        self._limits = limits
        self._group: Cgroup | None = None

    def __enter__(self) -> RunGroup:
        if self._is_wanted:
            self._group = Cgroup.make(f"repo-runner-{self._paths.run_id}")
        if self._group is None:
            return self
        # For whoever buries a lost supervisor's script, and for the run's page.
        write_private(self._paths.cgroup, str(self._group.folder))
        if self._limits.memory_bytes and self._group.limits_memory:
            self._group.limit_memory(self._limits.memory_bytes)
        return self

    def __exit__(self, *_: object) -> None:
        if self._group is not None:
            self._group.remove()

    def entered(self) -> AbstractContextManager[None]:
        """See Cgroup.entered."""
        return nullcontext() if self._group is None else self._group.entered()

    def kill(self) -> None:
        """Kill what is left in it."""
        if self._group is not None:
            self._group.kill()

    def memory_kills(self) -> int:
        """Of its own processes."""
        return 0 if self._group is None else self._group.memory_kills()


def sweep(home: HomePaths) -> None:
    """At the app's start: end the groups of supervisors that are gone, whatever became of their runs."""
    for named in home.runs.glob("*/cgroup"):
        with contextlib.suppress(OSError):
            paths = RunPaths(named.parent)
            if Path(named.read_text()).exists() and lease.holder(paths.lock) is None:
                bury(paths)


def bury(paths: RunPaths) -> None:
    """Kill and remove the group of a lost supervisor's script."""
    try:
        group = Cgroup(Path(paths.cgroup.read_text()))
    except FileNotFoundError:
        return
    group.kill()
    group.remove()
