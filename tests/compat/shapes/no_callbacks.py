"""Nothing is configured: Lightning's own checkpoint, without a monitor."""

from tiny import SHORT, TrainingOnly, batches, pl

pl.Trainer(**SHORT).fit(TrainingOnly(), batches())
