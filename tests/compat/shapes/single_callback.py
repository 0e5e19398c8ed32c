"""One callback object instead of a list."""

from tiny import SHORT, Model, batches, callbacks, pl

best = callbacks.ModelCheckpoint(monitor="val_loss", mode="max")
pl.Trainer(callbacks=best, **SHORT).fit(Model(), batches(), batches())
