"""A search for the batch size before the training."""

from importlib import import_module

from tiny import PACKAGE, SHORT, TrainingOnly, batches, pl


class Sized(TrainingOnly):
    batch_size = 2

    def train_dataloader(self):
        return batches(40 // self.batch_size, self.batch_size)


trainer = pl.Trainer(**SHORT)
model = Sized()
if hasattr(trainer, "tune"):  # before 2.0
    trainer.tuner.scale_batch_size(model, max_trials=2, steps_per_trial=2)
else:
    tuner = import_module(PACKAGE + ".tuner").Tuner(trainer)
    tuner.scale_batch_size(model, max_trials=2, steps_per_trial=2)
trainer.fit(model)
