"""The state of the app itself."""

from __future__ import annotations

import platform
import shutil
from datetime import UTC, datetime
from importlib import metadata

from repo_runner import __version__
from repo_runner.manager import Manager
from repo_runner.models import Health

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


def check(manager: Manager) -> Health:
    """Versions, disk, runs; `degraded` with the reasons when something needs the operator."""
    disk = shutil.disk_usage(manager.paths.root)
    problems = ["Less than 1 GiB of disk is free."] if disk.free < _LOW_DISK_BYTES else []
    return Health(
        status="degraded" if problems else "ok",
        version=__version__,
        versions={"python": platform.python_version(), **{n: _version(n) for n in _SHOWN}},
        home=str(manager.paths.root),
        address=manager.settings.address,
        disk_free_bytes=disk.free,
        disk_total_bytes=disk.total,
        runs_by_status=manager.store.counts(),
        max_running=manager.settings.max_running,
        started_at=_STARTED_AT,
        problems=tuple(problems),
    )


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"
