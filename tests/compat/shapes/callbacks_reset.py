"""The script throws away all callbacks after the Trainer was made."""

from tiny import SHORT, Model, batches, pl

trainer = pl.Trainer(**SHORT)
trainer.callbacks = []
trainer.fit(Model(), batches(), batches())
