"""Three Trainers one after another share one list of callbacks."""

from tiny import SHORT, TrainingOnly, batches, callbacks, pl

shared = [callbacks.Callback()]
for _ in range(3):
    pl.Trainer(callbacks=shared, **SHORT).fit(TrainingOnly(), batches())
assert not any("RepoRunner" in type(callback).__name__ for callback in shared)
