"""Turns the probe's events into the run's events: metrics, progress with ETA, trainer facts, checkpoints.

The probe's side of the contract is `docs/probe-events.md`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

from repo_runner.checkpoints import CheckpointKeeper
from repo_runner.events import Event, EventWriter
from repo_runner.models import Progress, RunPhase
from repo_runner.stage_clock import StageClock

_PLACE = frozenset(
    {"v", "ev", "seq", "t", "pid", "rank", "tr", "call", "step", "x", "epoch", "stage"}
)
_NO_FACT = frozenset({"hparams", "dm_hparams", "ppid", "host", "cwd", "nb"})
_RESUMED = {
    "script": "The script names a checkpoint itself, so it decides where training begins.",
    "missing": "The checkpoint to resume from is gone; training began anew.",
    "unsupported": "This version of Lightning cannot be resumed from outside; training began anew.",
}
_NOT_FINITE = frozenset({"nan", "inf", "-inf"})
_MAX_WHOLE = 2**63
_ENDED_FROM_OUTSIDE = frozenset({"SIGTERMException", "KeyboardInterrupt"})


class Observer:
    """Folds the probe's events of rank zero; an exception of any rank is kept as the likely cause of a failure."""

    def __init__(self, writer: EventWriter, keeper: CheckpointKeeper) -> None:
        self._writer = writer
        self._keeper = keeper
        self._facts: dict[str, Any] = {}
        self._training: dict[str, Any] = {}
        self._clock = StageClock()
        self._around_validation = ""
        self._progress: Progress | None = None
        #: Whether a Trainer was seen, so that the script can be asked to save before it stops.
        self.has_trainer = False
        #: Events that were none.
        self.passed_over = 0
        #: The last exception the probe saw: {type, msg, tb}.
        self.exception: Event | None = None

    @property
    def was_ended_from_outside(self) -> bool:
        """Whether a signal ended the training: most versions of Lightning then exit with 0."""
        return self.exception is not None and self.exception.get("type") in _ENDED_FROM_OUTSIDE

    def see(self, event: Event) -> None:
        """Take in one probe event; one this version does not know means nothing."""
        if not isinstance(event.get("ev"), str) or number_of(event.get("t")) is None:
            self.passed_over += 1
            return
        if event["ev"] == "exception":
            self.exception = event
        if event.get("rank", 0) == 0:
            handler = getattr(self, f"_on_{event['ev']}", None)
            if handler is not None:
                self._try(handler, event)

    def _try(self, handler: Callable[[Event], None], event: Event) -> None:
        """The script can write into the probe's folder too: an event of another shape is counted and passed over."""
        try:
            handler(event)
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
            self.passed_over += 1

    def _on_hello(self, event: Event) -> None:
        self._facts.update(_facts(event))

    def _on_setup(self, event: Event) -> None:
        self.has_trainer = True
        self._facts.update(_facts(event))
        self._write_trainer(event)
        hparams = {**event.get("dm_hparams", {}), **event.get("hparams", {})}
        if hparams:
            self._writer.write("hparams", values=hparams)
        if event.get("tuning"):
            self._write_progress(event, stage="tuning")

    def _on_train_start(self, event: Event) -> None:
        self._facts.update(_facts(event))
        self._write_trainer(event)
        self._write_progress(event, stage="train")

    def _on_epoch_start(self, event: Event) -> None:
        self._clock.enter("train", event["t"])

    def _on_val_end(self, event: Event) -> None:
        """Said with the next progress, before which a short epoch may be over."""
        self._clock.enter(self._around_validation, event["t"])

    def _on_step(self, event: Event) -> None:
        self._write_metrics(event)

    def _on_metrics(self, event: Event) -> None:
        self._write_metrics(event)

    def _on_progress(self, event: Event) -> None:
        if event.get("stage") == "train":
            self._training = {k: event.get(k) for k in ("done", "eta_s", "rate", "epochs")}
        self._write_progress(event, stage=event.get("stage") or "")

    def _on_val_start(self, event: Event) -> None:
        self._around_validation = self._clock.stage
        self._write_progress(event, stage=event.get("stage") or "validate")

    def _on_test_start(self, event: Event) -> None:
        self._write_progress(event, stage="test")

    def _on_checkpoint(self, event: Event) -> None:
        """Copying a large checkpoint takes its time, which is said, from when the script had written it."""
        before, started = self._clock.stage, time.monotonic()
        self._change_stage("saving", event["t"])
        self._keeper.see(event)
        self._change_stage(before, event["t"] + time.monotonic() - started)

    def _on_stopping(self, event: Event) -> None:
        self._change_stage("saving", event["t"])

    def _on_teardown(self, event: Event) -> None:
        self._clock.enter("", event["t"])

    def _on_stop_checkpoint(self, event: Event) -> None:
        self._writer.write(
            "stop_checkpoint", t=event["t"], path=event["path"], fit=event.get("fit", 1)
        )

    def _on_resume(self, event: Event) -> None:
        if event.get("who") in _RESUMED:
            self._writer.write(
                "note", code=f"resume_{event['who']}", message=_RESUMED[event["who"]]
            )

    def _on_stop_refused(self, event: Event) -> None:
        self._writer.write(
            "note",
            code="stop_refused",
            message=f"Not saved before the stop: {event.get('reason')}.",
        )

    def _on_monitor_error(self, event: Event) -> None:
        self._writer.write(
            "note", code="probe_error", message=f"The probe failed in {event.get('hook')}."
        )

    def _change_stage(self, stage: str, at: float) -> None:
        """The same progress, in another stage; before there is any, nothing."""
        if self._progress is None:
            return
        self._clock.enter(stage, at)
        changes = {"stage": stage, "stage_seconds": self._clock.seconds(at)}
        self._say(self._progress.model_copy(update=changes), at)

    def _write_trainer(self, event: Event) -> None:
        self._writer.write("trainer", t=event["t"], **self._facts)

    def _write_metrics(self, event: Event) -> None:
        """Curves of different Trainers are different curves."""
        prefix = f"trainer{event['tr']}/" if event.get("tr", 1) > 1 else ""
        reported = {name: number_of(value) for name, value in event.get("m", {}).items()}
        values = {f"{prefix}{name}": value for name, value in reported.items() if value is not None}
        self.passed_over += len(reported) - len(values)
        if values:
            step, epoch = whole_of(event.get("step")), event.get("epoch")
            self._writer.write(
                "metrics", t=event["t"], values=values, step=step or 0, epoch=whole_of(epoch)
            )

    def _write_progress(self, event: Event, *, stage: str) -> None:
        """While it validates, a training is as far as it was."""
        training = self._training
        self._clock.enter(stage, event["t"])
        progress = Progress(
            phase=RunPhase.TRAINING,
            stage=stage,
            fraction=training.get("done"),
            eta_s=training.get("eta_s"),
            epoch=event.get("epoch"),
            max_epochs=_positive(self._facts.get("max_epochs")) or training.get("epochs"),
            batch=event.get("b"),
            batches=event.get("nb"),
            step=event.get("step"),
            total_steps=_positive(self._facts.get("estimated_stepping_batches"))
            or self._facts.get("max_steps"),
            steps_per_s=training.get("rate"),
            stage_seconds=self._clock.seconds(event["t"]),
        )
        self._say(progress, event["t"])

    def _say(self, progress: Progress, at: float) -> None:
        self._progress = progress
        self._writer.write("progress", t=at, **progress.model_dump(mode="json"))


def number_of(value: Any) -> float | str | None:
    """A finite number, or the word for one that is not; None for what is no number."""
    if isinstance(value, str):
        return value if value in _NOT_FINITE else None
    if not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return "inf" if value > 0 else "-inf"
    return number if math.isfinite(number) else str(number)


def whole_of(value: Any) -> int | None:
    """A whole number that fits the store."""
    if isinstance(value, int | float) and math.isfinite(value) and abs(value) < _MAX_WHOLE:
        return int(value)
    return None


def _facts(event: Event) -> dict[str, Any]:
    return {k: v for k, v in event.items() if k not in _PLACE and k not in _NO_FACT}


def _positive(value: Any) -> int | None:
    """A limit, or None for -1 and what is missing."""
    return value if isinstance(value, int) and value > 0 else None
