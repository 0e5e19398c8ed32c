"""Checkpoints are switched off."""

from tiny import SHORT, Model, batches, pl

pl.Trainer(enable_checkpointing=False, **SHORT).fit(Model(), batches(), batches())
