"""Starts the probe in every Python process of a run, then runs the environment's own sitecustomize.

Python imports the first `sitecustomize` it finds on its path, so this file hides the next one.
"""

from __future__ import annotations

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


def _start_probe() -> None:
    if not os.environ.get("REPO_RUNNER_PROBE_DIR"):
        return
    try:
        from repo_runner_probe import import_hook

        import_hook.install()
    except Exception:  # noqa: S110 - the script runs as it would have run without the probe
        pass


def _folders_behind_this_one() -> list[str]:
    folders = [os.path.abspath(folder) for folder in sys.path]
    if HERE not in folders:
        return []
    last = len(folders) - 1 - folders[::-1].index(HERE)
    return sys.path[last + 1 :]


def _run_hidden_sitecustomize(folders: list[str]) -> None:
    from importlib.machinery import PathFinder

    spec = PathFinder.find_spec("sitecustomize", folders)
    if spec is None or spec.loader is None:
        return
    from importlib.util import module_from_spec

    module = module_from_spec(spec)
    sys.modules["sitecustomize"] = module
    spec.loader.exec_module(module)


_behind = _folders_behind_this_one()
_start_probe()
_run_hidden_sitecustomize(_behind)
