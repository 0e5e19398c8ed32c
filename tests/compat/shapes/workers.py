"""The data is loaded in forked processes."""

from tiny import SHORT, Model, batches, pl

pl.Trainer(**SHORT).fit(Model(), batches(num_workers=2), batches(num_workers=1))
