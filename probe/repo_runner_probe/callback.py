"""The callback: hands Lightning's hooks on to what reports, and to what stops."""

from __future__ import annotations

import functools
import importlib
import os
import traceback
from typing import Any, Callable

from repo_runner_probe import session
from repo_runner_probe.evaluation import Evaluation
from repo_runner_probe.guard import guarded
from repo_runner_probe.lightning_types import LightningModule, Trainer
from repo_runner_probe.pace import Pace
from repo_runner_probe.reporter import Reporter
from repo_runner_probe.stop import StopControl
from repo_runner_probe.training import Training


def attach(trainer: Trainer, package: str) -> ProbeHooks:
    """Add the probe to the Trainer's callbacks, last and once, in a new list: not the script's."""
    probe = next(iter(attached(trainer)), None) or make(package)
    trainer.callbacks = [*(c for c in trainer.callbacks if not isinstance(c, ProbeHooks)), probe]
    return probe


def attached(trainer: Trainer) -> list[ProbeHooks]:
    return [callback for callback in trainer.callbacks if isinstance(callback, ProbeHooks)]


def make(package: str, fit: int = 0) -> ProbeHooks:
    """Return a callback for the Trainer of `package`: lightning.pytorch or pytorch_lightning."""
    probe: ProbeHooks = _callback_class(package)(package, fit)
    return probe


@functools.lru_cache(maxsize=None)
def _callback_class(package: str) -> Callable[[str, int], Any]:
    base = importlib.import_module(package + ".callbacks").Callback
    return type("RepoRunnerProbe", (ProbeHooks, base), {})


class ProbeHooks:
    """Has no state that would go into a checkpoint, and starts afresh in a spawned process."""

    def __init__(self, package: str, fit: int) -> None:
        self._package = package
        #: Number of the fit in the script's process, which a spawned one cannot count.
        self._fit = fit
        self._caller_pid = 0
        self._script_path: str | None = None
        self._reporter: Reporter | None = None
        self._training: Training | None = None
        self._pace: Pace | None = None
        self._evaluation: Evaluation | None = None
        self._stop: StopControl | None = None
        #: Whether the next batch, at its start, has to look at more than this.
        self._must_look = True

    def __reduce__(self) -> tuple[Any, ...]:
        return make, (self._package, self._fit)

    def begin(self, script_path: str | None) -> None:
        """Note that the script, in this process, calls the Trainer."""
        self._caller_pid = os.getpid()
        self._fit = session.current().fits
        self._script_path = script_path

    def end(self, status: str | None = None) -> None:
        """Report the end of the call, if it was in this process."""
        reporter, self._reporter = self._reporter, None
        self._training = self._evaluation = self._stop = self._pace = None
        self._must_look = True
        if reporter is not None:
            reporter.end(status)

    @guarded
    def setup(self, trainer: Trainer, pl_module: LightningModule, **_: Any) -> None:
        # The model's own callbacks were added behind us: only the last one sees files just written.
        trainer.callbacks = [*(c for c in trainer.callbacks if c is not self), self]
        current = session.current()
        current.rank = int(trainer.global_rank)
        current.fits = self._fit
        self._stop = StopControl(current, trainer)
        if current.rank == 0:
            self._reporter = Reporter(current, trainer, pl_module)
            self._reporter.set_up(self._script_path)

    @guarded
    def teardown(self, *_: Any, **__: Any) -> None:
        # Where Lightning has moved to another process, nobody else will report the end. The hook
        # comes before Lightning says so, but only if nothing was raised.
        if self._caller_pid != os.getpid():
            self.end("finished")

    @guarded
    def on_exception(self, _: Trainer, __: LightningModule, exception: BaseException) -> None:
        lines = traceback.format_exception(type(exception), exception, exception.__traceback__)
        facts = {"type": type(exception).__name__, "msg": str(exception)[:2000]}
        position = self._reporter.position() if self._reporter else {}
        session.current().emit("exception", {**position, **facts, "tb": "".join(lines)[-8000:]})

    @guarded
    def on_save_checkpoint(self, *_: Any) -> None:
        if self._reporter:
            self._reporter.checkpoint_saved()
        if self._training:
            self._training.pace.has_saved = self._must_look = True

    @guarded
    def on_train_start(self, trainer: Trainer, module: LightningModule, *_: Any) -> None:
        self._set_up_late(trainer, module)
        if self._reporter:
            self._training = Training(self._reporter)
            self._pace = self._training.pace
            self._training.start()

    @guarded
    def on_train_epoch_start(self, *_: Any) -> None:
        self._must_look = True
        if self._training:
            self._training.epoch_start()

    def on_train_batch_start(self, *_: Any) -> None:
        if self._must_look:
            self._look()

    def on_train_batch_end(
        self, _: Trainer, __: LightningModule, ___: Any, ____: Any, batch_index: int, *_____: Any
    ) -> None:
        pace = self._pace
        if pace is not None and pace.is_due(batch_index):
            self._end_batch()

    @guarded
    def _look(self) -> None:
        if self._training:
            self._training.batch_start()
        if self._stop:
            self._stop.before_batch(self._reporter)
            if self._stop.is_done and self._training:
                self._training.is_stopping = True
        self._must_look = self._training is None or (
            self._stop is not None and self._stop.is_watchful
        )

    @guarded
    def _end_batch(self) -> None:
        self._must_look = True
        if self._training:
            self._training.batch_end()

    @guarded
    def on_train_epoch_end(self, *_: Any) -> None:
        if self._training:
            self._training.epoch_end()

    @guarded
    def on_train_end(self, *_: Any) -> None:
        if self._training:
            self._training.end()

    def on_validation_start(self, trainer: Trainer, module: LightningModule, *_: Any) -> None:
        self._start_evaluation("val", trainer, module)

    def on_test_start(self, trainer: Trainer, module: LightningModule, *_: Any) -> None:
        self._start_evaluation("test", trainer, module)

    def on_predict_start(self, trainer: Trainer, module: LightningModule, *_: Any) -> None:
        self._start_evaluation("predict", trainer, module)

    def on_validation_batch_end(self, *_: Any) -> None:
        self._evaluation_batch_end()

    def on_test_batch_end(self, *_: Any) -> None:
        self._evaluation_batch_end()

    def on_predict_batch_end(self, *_: Any) -> None:
        self._evaluation_batch_end()

    def on_validation_end(self, *_: Any) -> None:
        self._end_evaluation()

    def on_test_end(self, *_: Any) -> None:
        self._end_evaluation()

    def on_predict_end(self, *_: Any) -> None:
        self._end_evaluation()

    def _set_up_late(self, trainer: Trainer, module: LightningModule) -> None:
        # Lightning 1.5 calls the hook before it spawns processes, not in them.
        if self._stop is None:
            self.setup(trainer, module)

    @guarded
    def _start_evaluation(self, kind: str, trainer: Trainer, module: LightningModule) -> None:
        self._set_up_late(trainer, module)
        if self._training:
            self._training.progress.pause()
        if self._reporter:
            self._evaluation = Evaluation(self._reporter, kind)
            self._evaluation.start()

    @guarded
    def _evaluation_batch_end(self) -> None:
        if self._evaluation:
            self._evaluation.batch_end()

    @guarded
    def _end_evaluation(self) -> None:
        if self._training:
            self._training.progress.go_on()
        if self._evaluation:
            self._evaluation.end()
            self._evaluation = None
