"""What tells one process of a run from another."""

from __future__ import annotations

import os
import platform
import socket
import sys
from typing import Any

RANK_VARIABLES = ("RANK", "SLURM_PROCID", "LOCAL_RANK")


def of(package: str) -> dict[str, Any]:
    """Return the fields of a hello event; `package` is the one whose Trainer was imported."""
    return {
        "pkg": package,
        "pl": _version_of(package.partition(".")[0]),
        "torch": _version_of("torch"),
        "python": platform.python_version(),
        "ppid": os.getppid(),
        "script": sys.argv[0] if getattr(sys, "argv", None) else "",
        "cwd": _working_folder(),
        "host": socket.gethostname(),
    }


def rank() -> int:
    """Return what the launcher says; the Trainer corrects it later."""
    for name in RANK_VARIABLES:
        if os.environ.get(name, "").isdigit():
            return int(os.environ[name])
    return 0


def _version_of(package: str) -> str | None:
    version = getattr(sys.modules.get(package), "__version__", None)
    return None if version is None else str(version)


def _working_folder() -> str | None:
    try:
        return os.getcwd()
    except OSError:
        return None
