"""One batch of everything."""

from tiny import QUIET, Model, batches, pl

pl.Trainer(fast_dev_run=True, **QUIET).fit(Model(), batches(), batches())
