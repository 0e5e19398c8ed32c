"""No limit but time."""

import time

from tiny import QUIET, TrainingOnly, batches, pl


class Slow(TrainingOnly):
    def training_step(self, batch, batch_idx):
        time.sleep(0.02)
        return super().training_step(batch, batch_idx)


trainer = pl.Trainer(
    max_epochs=-1, max_time={"seconds": 3}, log_every_n_steps=2, logger=False, **QUIET
)
trainer.fit(Slow(), batches())
