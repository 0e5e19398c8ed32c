"""Turns the probe's events into the run's events: metrics, progress with ETA, trainer facts, checkpoints."""

from __future__ import annotations

from typing import Any

from repo_runner.checkpoints import CheckpointKeeper
from repo_runner.events import Event, EventWriter
from repo_runner.models import Progress, RunPhase
from repo_runner.rate import RateMeter

_PROGRESS_EVERY_S = 0.5
_TRAINER_FACTS = frozenset(
    "fn max_epochs max_steps log_every_n_steps accumulate world_size num_nodes accelerator strategy device precision "
    "fast_dev_run default_root_dir loggers callbacks model datamodule params trainable log_dir num_training_batches "
    "num_val_batches estimated_stepping_batches python torch pl pkg lrs".split()
)
_STAGES = {
    "train_start": "train",
    "epoch_start": "train",
    "step": "train",
    "val_start": "validate",
    "val_progress": "validate",
    "test_start": "test",
    "predict_start": "predict",
}


class Observer:
    """Folds the probe's events of rank zero; an exception of any rank is kept as the likely cause of a failure."""

    def __init__(self, writer: EventWriter, keeper: CheckpointKeeper) -> None:
        self._writer = writer
        self._keeper = keeper
        self._facts: dict[str, Any] = {}
        self._rate = RateMeter()
        self._last: dict[str, Any] = {}
        self._written_at = 0.0
        #: Whether a Trainer was seen, so that the script can be asked to save before it stops.
        self.has_trainer = False
        #: The last exception the probe saw: {type, msg, tb}.
        self.exception: Event | None = None

    def see(self, event: Event) -> None:
        """Take in one probe event."""
        kind = str(event.get("ev"))
        if kind == "exception":
            self.exception = event
        if event.get("rank", 0) != 0:
            return
        if kind in ("hello", "setup") or kind.endswith("_start"):
            self._see_facts(event)
        if event.get("m"):
            self._see_metrics(event)
        if kind == "checkpoint":
            self._keeper.see(event)
        if kind == "monitor_error":
            self._writer.write(
                "note", code="probe_error", message=f"The probe failed in {event.get('hook')}."
            )
        self._see_progress(kind, event)

    def _see_facts(self, event: Event) -> None:
        self.has_trainer = self.has_trainer or event["ev"] == "setup"
        self._facts.update({k: v for k, v in event.items() if k in _TRAINER_FACTS})
        if self.has_trainer:
            self._writer.write("trainer", t=event.get("t"), **self._facts)
        hparams = {**event.get("dm_hparams", {}), **event.get("hparams", {})}
        if hparams:
            self._writer.write("hparams", values=hparams)

    def _see_metrics(self, event: Event) -> None:
        step = event.get("x", event.get("step", 0))
        self._writer.write(
            "metrics", t=event["t"], values=event["m"], step=step, epoch=event.get("epoch")
        )

    def _see_progress(self, kind: str, event: Event) -> None:
        if kind not in _STAGES and kind != "heartbeat":
            return
        stage = event.get("stage") or _STAGES.get(kind, "")
        self._last = {
            **self._last,
            **{k: event[k] for k in ("epoch", "step", "b", "nb") if k in event},
        }
        if stage == "train" and "step" in event:
            self._rate.add(event["t"], event["step"])
        changed = stage != self._last.get("stage")
        self._last["stage"] = stage
        if changed or event["t"] - self._written_at >= _PROGRESS_EVERY_S:
            self._written_at = event["t"]
            self._writer.write("progress", t=event["t"], **self._progress().model_dump(mode="json"))

    def _progress(self) -> Progress:
        last, facts = self._last, self._facts
        total = _count(facts.get("estimated_stepping_batches")) or _count(facts.get("max_steps"))
        step, rate = last.get("step"), self._rate.steps_per_s
        fraction, eta_s = None, None
        if total is not None and step is not None:
            fraction = min(step / total, 1.0)
            eta_s = max(total - step, 0) / rate if rate else None
        return Progress(
            phase=RunPhase.TRAINING,
            stage=last.get("stage", ""),
            fraction=fraction,
            eta_s=eta_s,
            epoch=last.get("epoch"),
            max_epochs=_count(facts.get("max_epochs")),
            batch=last.get("b"),
            batches=_count(last.get("nb")) or _count(facts.get("num_training_batches")),
            step=step,
            total_steps=total,
            steps_per_s=rate,
        )


def _count(value: Any) -> int | None:
    """A positive number, or None for -1, "inf" and what is missing."""
    return value if isinstance(value, int) and value > 0 else None
