"""What is reported while a model is trained."""

from __future__ import annotations

from typing import Any

from repo_runner_probe import description, trainer_view
from repo_runner_probe.pace import Pace
from repo_runner_probe.progress import Progress
from repo_runner_probe.reporter import MOST_METRICS, Reporter
from repo_runner_probe.scalars import Number, numbers, parts


class Training:
    """Reads metrics only where no other rank has to take part.

    Lightning reduces epoch metrics over all ranks when they are first read, so those of an epoch
    are read one hook after its end, when Lightning itself has done that.
    """

    def __init__(self, reporter: Reporter) -> None:
        self.progress = Progress(reporter.trainer)
        self.pace = Pace(reporter.steps)
        #: After a stop, the one batch that is trained and thrown away is not reported.
        self.is_stopping = False
        self._reporter = reporter
        self._epoch_end: dict[str, Any] | None = None
        #: The last logging step and what it showed.
        self._logged: tuple[int, dict[str, Number]] = (-1, {})

    def start(self) -> None:
        facts = description.of_training(self._reporter.trainer, self._reporter.module)
        self._reporter.emit("train_start", facts)
        self._reporter.report_checkpoints()

    def epoch_start(self) -> None:
        self._emit_epoch_metrics()
        self._reporter.report_saved()
        self._reporter.emit("epoch_start", {})

    def batch_start(self) -> None:
        self._reporter.in_batch = False
        self._reporter.report_saved()

    def batch_end(self) -> None:
        """Report what is due at the end of this batch; `pace` has said that something is."""
        self._reporter.in_batch = True
        self.pace.has_saved = False
        self._count()
        is_step = self._reporter.steps.is_logged_now() and not self.is_stopping
        if is_step:
            self._emit_step()
        self._reporter.report_saved()
        if self._reporter.is_progress_due(has_written=is_step):
            self._emit_progress()
        self.pace.next_tick = self._reporter.next_tick

    def epoch_end(self) -> None:
        self._reporter.in_batch = False
        self._count()
        self._epoch_end = self._reporter.position()
        self._epoch_end["x"] = max(self._epoch_end["x"] - 1, 0)
        if self._reporter.is_tick_due():
            self._emit_progress()

    def end(self) -> None:
        self._emit_epoch_metrics()
        self._reporter.report_checkpoints()
        self._emit_progress()
        self._reporter.emit("train_end", {"stopped": self.is_stopping})

    def _count(self) -> None:
        self.progress.count(self.pace.batch, self.pace.batches)

    def _emit_step(self) -> None:
        trainer = self._reporter.trainer
        position = self._reporter.position()
        values = numbers(self._reporter.metrics.new(trainer.callback_metrics))
        self._logged = (position["step"], values)
        rates = trainer_view.learning_rates(trainer)
        for part in parts(values, MOST_METRICS):
            self._reporter.emit(
                "step", {"b": self.progress.batch, "m": part, "lr": rates}, position
            )

    def _emit_progress(self) -> None:
        step = self._reporter.steps.done(in_batch=self._reporter.in_batch)
        self._reporter.emit_progress(self.progress.report(step))

    def _emit_epoch_metrics(self) -> None:
        position, self._epoch_end = self._epoch_end, None
        if position is not None:
            step, values = self._logged
            # Lightning 1.5 makes new objects of them at the end of an epoch.
            known = values if step == position["step"] else {}
            self._reporter.emit_metrics("epoch_end", position, known)
