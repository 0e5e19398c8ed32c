"""Two batches make one optimizer step."""

from tiny import SHORT, Model, batches, pl

pl.Trainer(accumulate_grad_batches=2, **SHORT).fit(Model(), batches(), batches())
