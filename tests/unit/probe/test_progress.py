"""The time left is worked out from what has been seen, or said to be unknown."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from repo_runner_probe.progress import Progress


def train(progress, clock, batches, seconds=1.0):
    for batch in range(1, batches + 1):
        clock.advance(seconds)
        progress.count(batch, progress._batches + 1)


def test_epochs_times_batches_give_the_end(new_trainer, clock):
    progress = Progress(new_trainer(), clock)
    train(progress, clock, 5)
    report = progress.report(step=5)
    assert (report["b"], report["nb"], report["epochs"]) == (5, 10, 2)
    assert (report["rate"], report["done"], report["eta_s"]) == (1.0, 0.25, 15.0)


def test_validation_counts_for_the_time_left_but_not_for_the_rate(new_trainer, clock):
    trainer = new_trainer()
    progress = Progress(trainer, clock)
    train(progress, clock, 10)
    progress.pause()
    clock.advance(10)
    progress.go_on()
    trainer.current_epoch = 1
    progress.batch = 0
    report = progress.report(step=10)
    assert (report["rate"], report["eta_s"]) == (1.0, 20.0)


def test_the_step_limit_may_come_first(new_trainer, clock):
    progress = Progress(new_trainer(max_steps=6), clock)
    train(progress, clock, 4)
    report = progress.report(step=2)
    assert (report["steps"], report["eta_s"], report["done"]) == (6, 8.0, 0.33333)


def test_data_without_a_length_is_measured_by_steps(new_trainer, clock):
    progress = Progress(new_trainer(num_training_batches=float("inf"), max_steps=8), clock)
    train(progress, clock, 4)
    report = progress.report(step=4)
    assert (report["nb"], report["done"], report["eta_s"]) == (None, 0.5, 4.0)


@pytest.mark.parametrize(
    "limits", [{"max_epochs": -1}, {"num_training_batches": float("inf")}, {"max_epochs": None}]
)
def test_an_unknown_end_is_not_guessed(new_trainer, clock, limits):
    progress = Progress(new_trainer(**limits), clock)
    train(progress, clock, 4)
    report = progress.report(step=4)
    assert report["rate"] == 1.0
    assert report["done"] is report["eta_s"] is None


def test_the_time_limit_may_come_first(new_trainer, clock):
    timer = SimpleNamespace(time_remaining=lambda: 4.0)
    progress = Progress(new_trainer(callbacks=[timer]), clock)
    train(progress, clock, 4)
    report = progress.report(step=4)
    assert (report["eta_s"], report["done"]) == (4.0, 0.5)


def test_the_rate_is_a_recent_one(new_trainer, clock):
    progress = Progress(new_trainer(max_epochs=1000), clock)
    for seconds in [10.0] * 100 + [1.0] * 100:
        train(progress, clock, 1, seconds)
        progress.report(step=1)
    assert progress.report(step=1)["rate"] == pytest.approx(1.0)
