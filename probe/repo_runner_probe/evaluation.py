"""What is reported while a model is validated, tested or used to predict."""

from __future__ import annotations

import time
from typing import Any

from repo_runner_probe import trainer_view
from repo_runner_probe.metric_reader import MetricReader
from repo_runner_probe.reporter import Reporter
from repo_runner_probe.scalars import numbers

BATCH_COUNTS = {
    "sanity_check": "num_sanity_val_batches",
    "val": "num_val_batches",
    "test": "num_test_batches",
    "predict": "num_predict_batches",
}


class Evaluation:
    """One pass over the data of one kind: val, test or predict."""

    def __init__(self, reporter: Reporter, kind: str) -> None:
        self._reporter = reporter
        self._kind = kind
        self._is_sanity_check = trainer_view.stage(reporter.trainer) == "sanity_check"
        self._started_at = time.monotonic()
        self._batch = 0
        #: Metrics that the script logs in every batch; None until the first batch has shown.
        self._steps: MetricReader | None = MetricReader()

    def start(self) -> None:
        # Lightning keeps old metrics: what is there now is not of this evaluation.
        self._reporter.metrics.skip(self._reporter.trainer.callback_metrics)
        if self._steps is not None:
            self._steps.skip(self._reporter.trainer.logged_metrics)
        self._reporter.emit(f"{self._kind}_start", {"nb": self._total()})

    def batch_end(self) -> None:
        self._batch += 1
        if not self._is_sanity_check:
            self._reporter.evaluated[self._kind] += 1
            if self._steps is not None:
                self._emit_step(self._steps)
        if self._reporter.is_progress_due():
            self._reporter.emit_progress({"b": self._batch, "nb": self._total()})

    def end(self) -> None:
        at = f"{self._kind}_end"
        if self._is_sanity_check:
            self._reporter.metrics.skip(self._reporter.trainer.callback_metrics)
        else:
            self._reporter.emit_metrics(at)
        self._reporter.report_checkpoints()
        self._reporter.emit(at, {"seconds": round(time.monotonic() - self._started_at, 3)})

    def _emit_step(self, steps: MetricReader) -> None:
        values = numbers(steps.new(self._reporter.trainer.logged_metrics))
        if values:
            seen = self._reporter.evaluated[self._kind]
            self._reporter.emit(
                "step", {"step": seen, "x": seen - 1, "b": self._batch, "m": values}
            )
        else:
            # Most scripts log per epoch only: looking at every batch would cost them for nothing.
            self._steps = None

    def _total(self) -> int | None:
        name = BATCH_COUNTS["sanity_check" if self._is_sanity_check else self._kind]
        counts: Any = getattr(self._reporter.trainer, name, None)
        return None if counts is None else trainer_view.count(counts)
