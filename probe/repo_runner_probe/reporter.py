"""The events of one call of fit, validate, test or predict, as rank zero sees them."""

from __future__ import annotations

import time
from collections import Counter
from types import MappingProxyType
from typing import Any, Mapping

from repo_runner_probe import description, trainer_view
from repo_runner_probe.checkpoint_reader import CheckpointReader
from repo_runner_probe.lightning_types import LightningModule, Trainer
from repo_runner_probe.metric_reader import MetricReader
from repo_runner_probe.scalars import Number, numbers, parts
from repo_runner_probe.session import Session

TICK_INTERVAL_S = 0.5
PROGRESS_INTERVAL_S = 1.0
#: A script that logs thousands of values gets several events rather than a line without end.
MOST_METRICS = 500


class Reporter:
    """Knows where the call is, and what was reported last; training and evaluation build on it."""

    def __init__(self, session: Session, trainer: Trainer, module: LightningModule) -> None:
        self.session = session
        self.trainer = trainer
        self.module = module
        self.metrics = MetricReader()
        self.steps = trainer_view.StepCounter(trainer)
        #: Between the end of a batch and what follows it: some versions count up only then.
        self.in_batch = False
        #: Batches of each kind of evaluation, over all its passes: the loggers' step for them.
        self.evaluated: Counter[str] = Counter()
        self._number = session.number_of(trainer)
        self._call = session.next_call()
        self._checkpoints = CheckpointReader()
        #: Where the call was when Lightning last saved; its file is there only some hooks later.
        self._saved_at: dict[str, Any] | None = None
        self.next_tick = 0.0
        self._next_progress = 0.0

    def set_up(self, script_path: str | None) -> None:
        self._checkpoints.skip(self.trainer)
        facts = description.of_call(self.trainer, self.module)
        self.emit("setup", {**facts, "ckpt_path": script_path})

    def position(self) -> dict[str, Any]:
        return {
            "tr": self._number,
            "call": self._call,
            "step": self.steps.done(in_batch=self.in_batch),
            "x": self.steps.logged(),
            "epoch": int(self.trainer.current_epoch),
            "stage": trainer_view.stage(self.trainer),
        }

    def emit(
        self, name: str, fields: dict[str, Any], position: dict[str, Any] | None = None
    ) -> None:
        self.session.emit(name, position or self.position(), fields)

    def emit_metrics(
        self,
        at: str,
        position: dict[str, Any] | None = None,
        known: Mapping[str, Number] = MappingProxyType({}),
    ) -> None:
        """Report what was logged since the last look, but not again what is `known` of this step."""
        found = numbers(self.metrics.new(self.trainer.callback_metrics))
        values = {name: value for name, value in found.items() if known.get(name) != value}
        if values:
            for part in parts(values, MOST_METRICS):
                self.emit("metrics", {"at": at, "m": part}, position)

    def checkpoint_saved(self) -> None:
        """Note that a checkpoint is about to be written."""
        self._saved_at = self.position()

    def report_saved(self) -> None:
        if self._saved_at is not None:
            self.report_checkpoints()

    def report_checkpoints(self) -> None:
        position, self._saved_at = self._saved_at, None
        checkpoints = self._checkpoints.new(self.trainer)
        if checkpoints:
            self.emit("checkpoint", {"ckpts": checkpoints}, position)

    def is_progress_due(self, *, has_written: bool = False) -> bool:
        """Do what is done now and then; tell whether it is time for a progress event as well.

        An event just written has done it: where those come often, nothing else has to.
        """
        now = time.monotonic()
        if now < self.next_tick and not has_written:
            return False
        self.next_tick = now + TICK_INTERVAL_S
        if not has_written:
            self.session.tick()
        if now < self._next_progress:
            return False
        self.report_checkpoints()
        return True

    def is_tick_due(self) -> bool:
        now = time.monotonic()
        if now < self.next_tick:
            return False
        self.next_tick = now + TICK_INTERVAL_S
        return True

    def emit_progress(self, fields: dict[str, Any]) -> None:
        self._next_progress = time.monotonic() + PROGRESS_INTERVAL_S
        self.emit("progress", {**fields, "dropped": self.session.dropped})

    def end(self, status: str | None) -> None:
        """Report the end of the call, with Lightning's own word for it unless one is given."""
        self.report_checkpoints()
        current = self.trainer.state.status
        self.emit("teardown", {"status": status or str(getattr(current, "value", current))})
