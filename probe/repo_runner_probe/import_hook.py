"""Waits for PyTorch Lightning's Trainer to be imported, then has it observed."""

from __future__ import annotations

import os
import sys

# Only for annotations: importing `typing` would slow the start of every Python process of a run.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any, Sequence

TRAINER_MODULES = frozenset(
    ("pytorch_lightning.trainer.trainer", "lightning.pytorch.trainer.trainer")
)


def install() -> None:
    """Observe every Trainer class from now on, and leave `sys.path` as it would be without us.

    This package's modules are found through its `__path__` from here on. With the folder off the
    path, Lightning does not find our entry points either, which some versions would announce.
    """
    sys.meta_path.insert(0, TrainerFinder())
    folder = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry) != folder]


class TrainerFinder:
    """Finds nothing by itself: it marks the Trainer's module to be observed once it has run."""

    def find_spec(
        self,
        name: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        if name not in TRAINER_MODULES:
            return None
        try:
            return self._observed_spec(name, path, target)
        except Exception:  # then the other finders answer, and nothing is observed
            return None

    def _observed_spec(self, *arguments: Any) -> ModuleSpec | None:
        for finder in sys.meta_path:
            find_spec = None if finder is self else getattr(finder, "find_spec", None)
            spec: ModuleSpec | None = find_spec(*arguments) if find_spec else None
            if spec is not None:
                _observe_after_run(spec.loader)
                return spec
        return None


def _observe_after_run(loader: Any) -> None:
    run = loader.exec_module

    def run_and_observe(module: ModuleType) -> None:
        run(module)
        _observe(module)

    # On the instance, so that the loader keeps its class and every other ability.
    loader.exec_module = run_and_observe


def _observe(module: ModuleType) -> None:
    try:
        from repo_runner_probe import trainer_patch

        trainer_patch.install(module)
    except Exception:  # noqa: S110 - a Trainer that cannot be observed still has to work
        pass
