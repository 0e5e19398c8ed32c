"""A search for the learning rate before the training."""

from importlib import import_module

from tiny import PACKAGE, SHORT, TrainingOnly, batches, pl

trainer = pl.Trainer(**SHORT)
model = TrainingOnly()
if hasattr(trainer, "tune"):  # before 2.0
    trainer.tuner.lr_find(model, batches(), num_training=10)
else:
    import_module(PACKAGE + ".tuner").Tuner(trainer).lr_find(model, batches(), num_training=10)
trainer.fit(model, batches())
