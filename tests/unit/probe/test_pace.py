"""Nearly every batch is passed over at once; those that matter never are."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from repo_runner_probe import pace as pace_module
from repo_runner_probe.pace import Pace
from repo_runner_probe.trainer_view import StepCounter


@pytest.fixture
def trainer(new_trainer):
    loop = SimpleNamespace(_batches_that_stepped=0)
    return new_trainer(log_every_n_steps=3, fit_loop=SimpleNamespace(epoch_loop=loop))


@pytest.fixture(autouse=True)
def still(monkeypatch, clock):
    monkeypatch.setattr(pace_module, "monotonic", clock)


def due_batches(trainer, clock, count, **attributes):
    pace = Pace(StepCounter(trainer))
    pace.next_tick = clock() + 1
    for name, value in attributes.items():
        setattr(pace, name, value)
    due = []
    for batch in range(count):
        if pace.is_due(batch):
            due.append(batch)
        trainer.fit_loop.epoch_loop._batches_that_stepped += 1
    return due


def test_logging_steps_are_due(trainer, clock):
    assert due_batches(trainer, clock, 7) == [2, 5]


def test_without_logging_only_the_clock_counts(trainer, clock):
    trainer.log_every_n_steps = 0
    assert due_batches(trainer, clock, 7) == []
    assert due_batches(trainer, clock, 2, next_tick=0.0) == [0, 1]


def test_a_checkpoint_is_looked_at_at_once(trainer, clock):
    assert due_batches(trainer, clock, 2, has_saved=True) == [0, 1]


def test_every_batch_is_due_where_the_steps_cannot_be_seen(trainer, clock):
    del trainer.fit_loop.epoch_loop._batches_that_stepped
    pace = Pace(StepCounter(trainer))
    pace.next_tick = clock() + 1
    assert [pace.is_due(batch) for batch in range(3)] == [True] * 3


def test_batches_are_counted_in_all_and_in_the_epoch(trainer):
    pace = Pace(StepCounter(trainer))
    for batch in (0, 1, 0):
        pace.is_due(batch)
    assert (pace.batch, pace.batches) == (1, 3)
