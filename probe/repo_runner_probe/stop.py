"""Ends a training on request, with a checkpoint from which it can go on exactly where it was."""

from __future__ import annotations

import contextlib
import os
import time

from repo_runner_probe.agreement import Agreement
from repo_runner_probe.lightning_types import Trainer
from repo_runner_probe.reporter import Reporter
from repo_runner_probe.session import Session

LOOK_INTERVAL_S = 0.4
#: How far ahead rank zero names the batch; no other rank can be more than one step away.
STEPS_AHEAD = 4


class StopControl:
    """Acts at the start of a batch, and on every rank at the same one.

    A checkpoint of that moment resumes without losing or repeating a step; one saved at the end of
    a batch or of the training does not, in most versions of Lightning.
    """

    def __init__(self, session: Session, trainer: Trainer) -> None:
        self.is_done = False
        self._session = session
        self._trainer = trainer
        self._is_alone = int(trainer.world_size) == 1
        self._is_wide = not self._is_alone and int(trainer.num_nodes) > 1
        self._batch = 0
        self._next_look = 0.0
        self._is_asked = False
        #: Ranks on several machines see no file of rank zero, unless somebody carries it to them.
        self._is_possible = not self._is_wide or session.settings.is_carried
        path = session.settings.stop_path + ".at"
        self._agreement = Agreement(path, session.fits, is_carried=self._is_wide)
        #: An earlier fit was stopped and saved: this one, which the script goes on with, ends at once.
        self._is_late = (
            os.path.exists(session.settings.stop_ckpt_path) or self._agreement.is_of_earlier_fit
        )

    @property
    def is_watchful(self) -> bool:
        """Whether each batch counts; otherwise a look now and then will do."""
        return self.is_done or not self._is_alone

    def before_batch(self, reporter: Reporter | None) -> None:
        self._batch += 1
        if self._is_alone and time.monotonic() < self._next_look:
            return
        if not self.is_done and self._is_due(reporter):
            self._stop(reporter)
        if self.is_done:
            # At each batch, because Lightning 1.5 takes it back where `min_epochs` is not reached.
            self._trainer.should_stop = True

    def _is_due(self, reporter: Reporter | None) -> bool:
        if self._is_late:
            return True
        if reporter is not None and not self._is_asked and self._look():
            self._is_asked = True
            if not self._is_alone and (refusal := self._agree()):
                reporter.emit("stop_refused", {"reason": refusal})
        return self._is_asked if self._is_alone else self._agreement.is_due(self._batch)

    def _look(self) -> bool:
        now = time.monotonic()
        if now < self._next_look:
            return False
        self._next_look = now + LOOK_INTERVAL_S
        return os.path.exists(self._session.settings.stop_path)

    def _agree(self) -> str:
        """Name a batch to all ranks; why that could not be, if it could not."""
        if not self._is_possible:
            return "the training runs on several machines"
        batch = self._batch + STEPS_AHEAD * max(int(self._trainer.accumulate_grad_batches), 1)
        return "" if self._agreement.propose(batch) else "another machine of it did not answer"

    def _stop(self, reporter: Reporter | None) -> None:
        self.is_done = True
        self._next_look = 0.0
        path = None if self._is_late else self._session.settings.stop_ckpt_path
        try:
            if reporter is not None:
                reporter.emit("stopping", {"path": path})
            if path is not None and self._save(path) and reporter is not None:
                reporter.emit("stop_checkpoint", {"path": path, "fit": self._session.fits})
            elif path is not None and reporter is not None:
                reporter.emit(
                    "stop_refused", {"reason": "each machine writes a part of the checkpoint"}
                )
        finally:
            self._lift_minimums()

    def _save(self, path: str) -> bool:
        """All ranks save, rank zero has the file; False where it would be a folder, in parts on each machine."""
        aside = path + ".partial"
        self._trainer.save_checkpoint(aside)
        if self._is_wide and os.path.isdir(aside):
            return False
        if self._session.rank == 0:
            os.replace(aside, path)
        return True

    def _lift_minimums(self) -> None:
        with contextlib.suppress(Exception):
            self._trainer.fit_loop.min_epochs = 0
        with contextlib.suppress(Exception):
            self._trainer.fit_loop.min_steps = None
