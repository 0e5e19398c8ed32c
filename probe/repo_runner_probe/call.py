"""One call of fit, validate, test or predict, and the checkpoint it continues from."""

from __future__ import annotations

import contextlib
import inspect
import os
from typing import Any, Callable

from repo_runner_probe import trainer_view
from repo_runner_probe.lightning_types import Trainer
from repo_runner_probe.session import Session


class Call:
    """Knows what the script passed; changes nothing but an absent `ckpt_path`."""

    def __init__(
        self, trainer: Trainer, method: Callable[..., Any], args: Any, kwargs: Any
    ) -> None:
        self.name = method.__name__
        self.args = args
        self.kwargs = kwargs
        self._trainer = trainer
        self._bound: inspect.BoundArguments | None = None
        # A wrong argument is the script's mistake, for Lightning to answer.
        with contextlib.suppress(TypeError):
            self._bound = inspect.signature(method).bind(trainer, *args, **kwargs)

    @property
    def ckpt_path(self) -> str | None:
        """The checkpoint that the script names."""
        path = self._bound.arguments.get("ckpt_path") if self._bound else None
        if path is None and self.name == "fit":
            path = _from_constructor(self._trainer)
        return None if path is None else os.fspath(path)

    def is_training(self) -> bool:
        return self.name == "fit" and not trainer_view.is_tuning(self._trainer)

    def resume(self, session: Session) -> dict[str, Any] | None:
        """Put the supervisor's checkpoint where the script names none; return what happened."""
        path = session.settings.ckpt_path
        if path is None or session.fits != session.settings.ckpt_fit:
            return None
        who = self._decide(path)
        if who == "injected":
            self._inject(path)
        return {
            "who": who,
            "path": path,
            "script_path": self.ckpt_path if who == "script" else None,
        }

    def _decide(self, path: str) -> str:
        if self._bound is None or "ckpt_path" not in self._bound.signature.parameters:
            return "unsupported"
        if self.ckpt_path is not None:
            return "script"
        return "injected" if "://" in path or os.path.exists(path) else "missing"

    def _inject(self, path: str) -> None:
        if self._bound is not None:
            self._bound.arguments["ckpt_path"] = path
            self.args = self._bound.args[1:]
            self.kwargs = self._bound.kwargs


def _from_constructor(trainer: Trainer) -> Any:
    """Return `Trainer(resume_from_checkpoint=...)`, up to 1.9; the public property warns."""
    connector = getattr(trainer, "_checkpoint_connector", None)
    connector = connector or getattr(trainer, "checkpoint_connector", None)
    return getattr(connector, "resume_from_checkpoint_fit_path", None)
