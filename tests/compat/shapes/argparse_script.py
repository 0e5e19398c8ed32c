"""The usual script: arguments, a list of callbacks, a logger, a monitored checkpoint."""

import argparse

from tiny import QUIET, Model, batches, callbacks, loggers, pl

parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, default=2)
parser.add_argument("--batches", type=int, default=10)
arguments = parser.parse_args()

best = callbacks.ModelCheckpoint(monitor="val_loss", filename="{epoch}-{val_loss:.3f}")
trainer = pl.Trainer(
    max_epochs=arguments.epochs,
    callbacks=[best],
    logger=loggers.CSVLogger("."),
    log_every_n_steps=2,
    **QUIET,
)
trainer.fit(Model(), batches(arguments.batches), batches())
print("steps", trainer.global_step)
print("best", best.best_model_path)
