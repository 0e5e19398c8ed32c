"""One Trainer fits twice, the second time further."""

from tiny import SHORT, Model, batches, pl

trainer = pl.Trainer(**SHORT)
model = Model()
trainer.fit(model, batches(), batches())
trainer.fit_loop.max_epochs = 4
trainer.fit(model, batches(), batches())
