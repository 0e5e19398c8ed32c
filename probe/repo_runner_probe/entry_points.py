"""Called by Lightning for each new Trainer: starts the probe where our sitecustomize was not run.

That happens when another sitecustomize comes first on the path. The factories add no callback:
the Trainer gets it when it is used, as with the import hook.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def for_lightning() -> list[Any]:
    """Observe the Trainer of the package `lightning`."""
    return _observe("lightning.pytorch.trainer.trainer")


def for_pytorch_lightning() -> list[Any]:
    """Observe the Trainer of the package `pytorch_lightning`."""
    return _observe("pytorch_lightning.trainer.trainer")


def _observe(module_name: str) -> list[Any]:
    # Lightning does not guard the call: an exception here would be the script's.
    try:
        if os.environ.get("REPO_RUNNER_PROBE_DIR"):
            from repo_runner_probe import trainer_patch

            trainer_patch.install(sys.modules[module_name])
    except Exception:  # noqa: S110 - see above
        pass
    return []
