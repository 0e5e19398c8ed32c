"""When, among the batches of a training, there is something to report."""

from __future__ import annotations

from time import monotonic

from repo_runner_probe.trainer_view import StepCounter

NEVER = 1 << 62


class Pace:
    """Finds that out at the end of each batch, at next to no cost: nearly always there is nothing.

    What is asked here runs between the batches of a model that may need a millisecond for one, and
    with cold caches. So it is one short method that touches few objects.
    """

    __slots__ = ("_every", "_steps", "batch", "batches", "has_saved", "next_tick")

    def __init__(self, steps: StepCounter) -> None:
        #: Batches done, of this epoch and of this training.
        self.batch = 0
        self.batches = 0
        #: Lightning has written a checkpoint, or is about to.
        self.has_saved = False
        #: When it is time for what is done now and then, whatever the batch.
        self.next_tick = 0.0
        self._steps, self._every = steps.for_pace(NEVER)

    def is_due(self, batch_index: int) -> bool:
        self.batch = batch_index + 1
        self.batches += 1
        if self.has_saved or not (self._steps._batches_that_stepped + 1) % self._every:  # noqa: SLF001
            return True
        return monotonic() >= self.next_tick
