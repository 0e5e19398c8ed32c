"""Training, then validation, test and prediction with the same Trainer."""

from tiny import SHORT, Model, batches, pl

trainer = pl.Trainer(**SHORT)
model = Model()
trainer.fit(model, batches(), batches())
trainer.validate(model, batches(), verbose=False)
trainer.test(model, batches(), verbose=False)
trainer.predict(model, batches())
