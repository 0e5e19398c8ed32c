"""Puts the probe into a Trainer whenever the script uses it."""

from __future__ import annotations

import functools
import os
from types import ModuleType
from typing import Any, Callable

from repo_runner_probe import callback, session
from repo_runner_probe.call import Call
from repo_runner_probe.guard import guarded
from repo_runner_probe.lightning_types import Trainer

METHODS = ("fit", "validate", "test", "predict")
MARK = "_repo_runner_probe"


def install(module: ModuleType) -> None:
    """Observe the Trainer class of `module`, once."""
    trainer_class = module.Trainer
    started = session.start(os.environ)
    if started is None or getattr(trainer_class, MARK, False):
        return
    package = module.__name__[: -len(".trainer.trainer")]
    for name in METHODS:
        setattr(trainer_class, name, _observed(getattr(trainer_class, name), package))
    setattr(trainer_class, MARK, True)
    started.hello(package)


def _observed(method: Callable[..., Any], package: str) -> Callable[..., Any]:
    # A plain function with the signature of the original: LightningCLI builds its options from it.
    @functools.wraps(method)
    def observed(self: Trainer, *args: Any, **kwargs: Any) -> Any:
        call = _begin(self, method, package, args, kwargs)
        try:
            if call is None:
                return method(self, *args, **kwargs)
            return method(self, *call.args, **call.kwargs)
        finally:
            _end(self)

    return observed


@guarded
def _begin(
    trainer: Trainer, method: Callable[..., Any], package: str, args: Any, kwargs: Any
) -> Call:
    call = Call(trainer, method, args, kwargs)
    current = session.current()
    script_path = call.ckpt_path
    if call.is_training():
        current.fits += 1
        outcome = call.resume(current)
        if outcome is not None and current.rank == 0:
            current.emit("resume", {"tr": current.number_of(trainer), **outcome})
    callback.attach(trainer, package).begin(script_path)
    return call


@guarded
def _end(trainer: Trainer) -> None:
    for probe in callback.attached(trainer):
        probe.end()
