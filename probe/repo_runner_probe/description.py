"""What a call of the Trainer works with: limits, devices, loggers, hyperparameters, sizes."""

from __future__ import annotations

import os
from typing import Any, Callable

from repo_runner_probe import trainer_view
from repo_runner_probe.lightning_types import LightningModule, Trainer
from repo_runner_probe.plain import plain


def of_call(trainer: Trainer, module: LightningModule) -> dict[str, Any]:
    """Describe what is known before the first batch."""
    return {**_of_trainer(trainer), **_of_devices(trainer), **_of_model(trainer, module)}


def of_training(trainer: Trainer, module: LightningModule) -> dict[str, Any]:
    """Describe what is known once the model and its data are in place."""
    return _read(
        {
            "params": lambda: _parameters(trainer, module, trainable=False),
            "trainable": lambda: _parameters(trainer, module, trainable=True),
            "log_dir": lambda: _log_dir(trainer),
            "num_training_batches": lambda: trainer_view.count(trainer.num_training_batches),
            "num_val_batches": lambda: trainer_view.count(trainer.num_val_batches),
            "estimated_stepping_batches": lambda: trainer_view.count(
                trainer.estimated_stepping_batches
            ),
        }
    )


def _of_trainer(trainer: Trainer) -> dict[str, Any]:
    return _read(
        {
            "fn": lambda: trainer_view.function(trainer),
            "tuning": lambda: trainer_view.is_tuning(trainer),
            "max_epochs": lambda: trainer_view.limit(trainer.max_epochs),
            "max_steps": lambda: trainer_view.limit(trainer.max_steps),
            "log_every_n_steps": lambda: int(trainer.log_every_n_steps),
            "accumulate": lambda: int(trainer.accumulate_grad_batches),
            "fast_dev_run": lambda: bool(trainer.fast_dev_run),
            "default_root_dir": lambda: os.path.abspath(trainer.default_root_dir),
            "loggers": lambda: [_name(logger) for logger in _loggers(trainer)],
            "callbacks": lambda: [_name(callback) for callback in trainer.callbacks],
        }
    )


def _of_devices(trainer: Trainer) -> dict[str, Any]:
    # `training_type_plugin` is the strategy's name in 1.5.
    strategy = getattr(trainer, "strategy", None) or getattr(trainer, "training_type_plugin", None)
    return _read(
        {
            "world_size": lambda: int(trainer.world_size),
            "num_nodes": lambda: int(trainer.num_nodes),
            "accelerator": lambda: _name(trainer.accelerator),
            "strategy": lambda: _name(strategy),
            "device": lambda: str(getattr(strategy, "root_device", None)),
            "precision": lambda: str(trainer.precision),
        }
    )


def _of_model(trainer: Trainer, module: LightningModule) -> dict[str, Any]:
    datamodule = getattr(trainer, "datamodule", None)
    return _read(
        {
            "model": lambda: _name(module),
            "hparams": lambda: plain(module.hparams),
            "datamodule": lambda: None if datamodule is None else _name(datamodule),
            "dm_hparams": lambda: {} if datamodule is None else plain(datamodule.hparams),
        }
    )


def _read(readers: dict[str, Callable[[], Any]]) -> dict[str, Any]:
    """Ask for each value by itself: what one version does not know must not hide the others."""
    values = {}
    for name, read in readers.items():
        try:
            values[name] = read()
        except Exception:  # any property of any version may raise anything
            values[name] = None
    return values


def _name(instance: object) -> str:
    return type(instance).__name__


def _loggers(trainer: Trainer) -> list[Any]:
    if hasattr(trainer, "loggers"):
        return list(trainer.loggers)
    logger = trainer.logger
    if logger is None:
        return []
    return list(logger) if _name(logger) == "LoggerCollection" else [logger]


def _log_dir(trainer: Trainer) -> str:
    # Never `trainer.log_dir`: it is a broadcast, and only rank zero is here.
    for logger in _loggers(trainer):
        folder = getattr(logger, "log_dir", None) or getattr(logger, "save_dir", None)
        if folder:
            return str(os.path.abspath(folder))
    return str(os.path.abspath(trainer.default_root_dir))


def _parameters(trainer: Trainer, module: LightningModule, *, trainable: bool) -> int | None:
    strategy = _name(getattr(trainer, "strategy", None))
    if strategy.startswith(("FSDP", "DDPFullySharded", "DeepSpeed", "ModelParallel")):
        # Each rank holds a part only; the whole would take a collective operation.
        return None
    parameters = [p for p in module.parameters() if not _name(p).startswith("Uninitialized")]
    return int(sum(p.numel() for p in parameters if p.requires_grad or not trainable))
