"""What all versions of the Trainer can be asked, and the few answers that differ between them."""

from __future__ import annotations

import math
from typing import Any, Tuple

from repo_runner_probe.lightning_types import Trainer

MOST_RATES = 20


def stage(trainer: Trainer) -> str | None:
    """Return sanity_check, train, validate, test or predict."""
    current = trainer.state.stage
    return None if current is None else str(getattr(current, "value", current))


def function(trainer: Trainer) -> str | None:
    """Return fit, validate, test or predict."""
    current = trainer.state.fn
    return None if current is None else str(getattr(current, "value", current))


def count(value: Any) -> int | None:
    """Return a number of batches, or None where Lightning says infinity."""
    if isinstance(value, (list, tuple)):
        counts = [count(item) for item in value]
        return None if None in counts else sum(item for item in counts if item is not None)
    return int(value) if math.isfinite(value) else None


def limit(value: Any) -> int | None:
    """Return `max_epochs` or `max_steps`, or None where there is no limit."""
    return int(value) if value is not None and 0 <= value < math.inf else None


def is_tuning(trainer: Trainer) -> bool:
    """Tell whether this is the search for a learning rate or a batch size, not the training."""
    return any(getattr(callback, "_early_exit", False) for callback in trainer.callbacks)


class StepCounter:
    """Counts as Lightning's loggers and checkpoints do.

    The private `_batches_that_stepped` is the loggers' step since 1.6. Where it does not exist,
    `global_step` is, and it is counted up only after the hooks of the batch and its validation.
    """

    def __init__(self, trainer: Trainer) -> None:
        self._trainer = trainer
        self._epoch_loop: Any = getattr(getattr(trainer, "fit_loop", None), "epoch_loop", None)
        self._counts_late = not hasattr(self._epoch_loop, "_batches_that_stepped")
        self._log_every = int(trainer.log_every_n_steps or 0)
        self._always_logs = bool(getattr(trainer, "fast_dev_run", False))

    def done(self, *, in_batch: bool) -> int:
        """Return how many steps the optimizers have made."""
        late = self._counts_late and in_batch and not self._accumulates()
        return int(self._trainer.global_step) + int(late)

    def logged(self) -> int:
        """Return the step at which loggers put what is logged now."""
        if self._counts_late:
            return int(self._trainer.global_step)
        return int(self._epoch_loop._batches_that_stepped)  # noqa: SLF001 - the class says why

    def for_pace(self, never: int) -> Tuple[Any, int]:
        """Return what counts the loggers' steps, and after how many of them to look closer."""
        if self._counts_late or self._always_logs:
            return self, 1
        return self._epoch_loop, self._log_every or never

    @property
    def _batches_that_stepped(self) -> int:
        return 0  # for `Pace`, where every batch is looked at

    def is_logged_now(self) -> bool:
        """Tell, at the end of a batch, whether Lightning hands its metrics to the loggers."""
        if self._always_logs:
            return True
        if not self._log_every or (self.logged() + 1) % self._log_every:
            return False
        return not self._accumulates()

    def _accumulates(self) -> bool:
        if self._trainer.accumulate_grad_batches == 1:
            return False  # nearly always, and what follows asks a dozen objects
        fit_loop = self._trainer.fit_loop
        automatic = getattr(self._trainer.lightning_module, "automatic_optimization", True)
        accumulates = getattr(fit_loop, "_should_accumulate", None)
        return bool(automatic and accumulates is not None and accumulates())


def learning_rates(trainer: Trainer) -> list[float]:
    """Return those of all parameter groups of all optimizers, in their order."""
    groups = [group for optimizer in trainer.optimizers for group in optimizer.param_groups]
    # A rate may be a tensor: asking a device for it would make the training wait.
    return [group["lr"] for group in groups if isinstance(group["lr"], float)][:MOST_RATES]
