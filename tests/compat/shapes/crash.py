"""The training step raises in the middle of an epoch."""

from tiny import SHORT, TrainingOnly, batches, pl


class Failing(TrainingOnly):
    def training_step(self, batch, batch_idx):
        if batch_idx == 5:
            raise RuntimeError("the sixth batch is bad")
        return super().training_step(batch, batch_idx)


pl.Trainer(**SHORT).fit(Failing(), batches())
