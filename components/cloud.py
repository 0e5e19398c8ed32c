"""`lightning run app app.py --cloud`: the app loads as the framework asks; then one sentence says what else to do."""

from __future__ import annotations

import sys
from typing import Any

from lightning.app import BuildConfig, CloudCompute
from lightning.app.runners.cloud import CloudRuntime
from lightning.app.utilities.cloud import is_running_in_cloud

from components import terminal

INSTEAD = (
    "Lightning's cloud for apps no longer exists: start the app here with `lightning run app app.py`, and give it more "
    "machines with REPO_RUNNER_BACKENDS=ray (docs/scale-out.md)."
)
EXIT_CODE = 2


def is_asked() -> bool:
    """Whether the framework loads the app for its cloud."""
    return bool(is_running_in_cloud())


def placement() -> dict[str, Any]:
    """Where a work would run there; on this machine nothing, because each of these costs in the app's state."""
    if not is_asked():
        return {}
    return {
        "cloud_compute": CloudCompute("default"),
        "cloud_build_config": BuildConfig(requirements=["-r requirements.lock"]),
    }


def refuse() -> None:
    """Before the framework logs in there (without a network it would try for ever)."""
    CloudRuntime.__post_init__ = _say_instead


def _say_instead(_runtime: CloudRuntime) -> None:
    terminal.complain(INSTEAD)
    sys.exit(EXIT_CODE)
