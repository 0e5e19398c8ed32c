"""How far a training is, how fast it goes and how long it will take."""

from __future__ import annotations

import time
from collections import deque
from typing import Any, Callable

from repo_runner_probe import trainer_view
from repo_runner_probe.lightning_types import Trainer

#: The rate is that of the last samples, about one a second.
SAMPLES = 60


class Progress:
    """Counts batches of one training; what cannot be known is None, never guessed."""

    def __init__(self, trainer: Trainer, clock: Callable[[], float] = time.monotonic) -> None:
        self.batch = 0
        self._trainer = trainer
        self._clock = clock
        self._batches = 0
        self._first_step = int(trainer.global_step)
        self._started_at = clock()
        self._paused_s = 0.0
        self._paused_at: float | None = None
        self._samples: deque[tuple[float, int]] = deque([(self._started_at, 0)], maxlen=SAMPLES)

    def count(self, batch: int, batches: int) -> None:
        """Note the batches done, of this epoch and of this training."""
        self.batch = batch
        self._batches = batches

    def pause(self) -> None:
        """Stop the clock of the rate: a validation begins."""
        self._paused_at = self._clock()

    def go_on(self) -> None:
        if self._paused_at is not None:
            self._paused_s += self._clock() - self._paused_at
            self._paused_at = None

    def report(self, step: int) -> dict[str, Any]:
        """Return the fields of a progress event."""
        total = trainer_view.count(self._trainer.num_training_batches)
        max_epochs = trainer_view.limit(self._trainer.max_epochs)
        max_steps = trainer_view.limit(self._trainer.max_steps)
        done, left = self._work(step, total, max_epochs, max_steps)
        rate = self._rate()
        return {
            "b": self.batch,
            "nb": total,
            "epochs": max_epochs,
            "steps": max_steps,
            "rate": rate,
            **self._estimate(done, left, rate),
        }

    def _work(
        self, step: int, total: int | None, max_epochs: int | None, max_steps: int | None
    ) -> tuple[float, float | None]:
        """Return batches done and batches left, by the limit that will be met first."""
        done = float(self._batches)
        lefts = []
        if total and max_epochs is not None:
            done = self._trainer.current_epoch * total + self.batch
            lefts.append(max_epochs * total - done)
        steps = step - self._first_step
        if max_steps is not None and steps > 0:
            lefts.append((max_steps - step) * self._batches / steps)
        return done, max(min(lefts), 0) if lefts else None

    def _rate(self) -> float | None:
        now = self._clock() - self._paused_s
        then, batches = self._samples[0]
        self._samples.append((now, self._batches))
        if self._batches == batches or now <= then:
            return None
        return round((self._batches - batches) / (now - then), 4)

    def _estimate(self, done: float, left: float | None, rate: float | None) -> dict[str, Any]:
        eta_s = fraction = None
        if left is not None:
            fraction = done / (done + left) if done + left else 1.0
            if rate and self._batches:
                # Validations so far, spread over the batches so far.
                eta_s = left / rate + left * self._paused_s / self._batches
        time_left_s = self._time_left_s()
        if time_left_s is not None and (eta_s is None or time_left_s < eta_s):
            elapsed_s = self._clock() - self._started_at
            fraction, eta_s = elapsed_s / max(elapsed_s + time_left_s, 1e-9), time_left_s
        return {"done": _rounded(fraction, 5), "eta_s": _rounded(eta_s, 1)}

    def _time_left_s(self) -> float | None:
        for callback in self._trainer.callbacks:
            remaining = getattr(callback, "time_remaining", None)
            seconds = remaining() if remaining is not None else None
            if isinstance(seconds, (int, float)):
                return max(float(seconds), 0.0)
        return None


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
