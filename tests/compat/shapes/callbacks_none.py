"""`callbacks=None`, written out."""

from tiny import SHORT, Model, batches, pl

pl.Trainer(callbacks=None, **SHORT).fit(Model(), batches(), batches())
