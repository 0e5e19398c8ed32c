"""The state of the app itself."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib import metadata
from typing import get_args

from repo_runner import __version__, sandbox
from repo_runner.backups import Backups
from repo_runner.cgroup import Cgroup
from repo_runner.errors import FolderReadOnly, RunnerError
from repo_runner.manager import Manager
from repo_runner.models import Health, SandboxLevel, SandboxState

_SHOWN = (
    "lightning",
    "pytorch-lightning",
    "torch",
    "streamlit",
    "fastapi",
    "sqlalchemy",
    "gitpython",
    "uv",
)
_STARTED_AT = datetime.now(UTC)
_LOW_DISK_BYTES = 1 << 30
ROOT_WARNING = (
    "The app runs as root, and so does every script that it starts: any of them can change anything on this machine. "
    "Start it from an ordinary account."
)


def check(manager: Manager) -> Health:
    """Versions, disk, runs; `degraded` with the reasons when something needs the operator."""
    disk = shutil.disk_usage(manager.paths.root)
    problems = ["Less than 1 GiB of disk is free."] if disk.free < _LOW_DISK_BYTES else []
    problems += [_said(FolderReadOnly())] if not os.access(manager.paths.root, os.W_OK) else []
    problems += [ROOT_WARNING] if is_root() else []
    counts: dict[str, int] = {}
    try:
        counts = manager.store.counts()
    except RunnerError as error:
        problems.append(_said(error))
    problems += [each for each in manager.problems.values() if each not in problems]
    return Health(
        status="degraded" if problems else "ok",
        version=__version__,
        versions={"python": platform.python_version(), **{n: _version(n) for n in _SHOWN}},
        home=str(manager.paths.root),
        address=manager.settings.address,
        disk_free_bytes=disk.free,
        disk_total_bytes=disk.total,
        runs_by_status=counts,
        max_running=manager.settings.max_running,
        started_at=_STARTED_AT,
        last_backup_at=_last_backup_at(manager),
        problems=tuple(problems),
        sandbox=sandbox.choose("", manager.settings),
        sandboxes=tuple(_sandboxes()),
        control_groups=manager.settings.cgroup == "auto" and Cgroup.is_delegated(),
    )


def _said(error: RunnerError) -> str:
    return f"{error.message} {error.hint_text}"


def is_root() -> bool:
    """Whether whatever runs here owns the machine."""
    return os.geteuid() == 0


def _sandboxes() -> Iterator[SandboxState]:
    for level in get_args(SandboxLevel):
        reason = sandbox.problem(level)
        yield SandboxState(level=level, problem=f"{reason[0]}. {reason[1]}" if reason else "")


def _last_backup_at(manager: Manager) -> datetime | None:
    times = [path.stat().st_mtime for path in Backups(manager.paths.backups).all()]
    return datetime.fromtimestamp(max(times), UTC) if times else None


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"
