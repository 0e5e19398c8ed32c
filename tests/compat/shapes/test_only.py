"""No training at all."""

from tiny import SHORT, Model, batches, pl

pl.Trainer(**SHORT).test(Model(), batches(), verbose=False)
