"""Metrics that are no numbers, and one that is logged in every validation batch."""

from tiny import SHORT, Model, batches, pl


class Odd(Model):
    def training_step(self, batch, batch_idx):
        self.log_dict({"not": float("nan"), "up": float("inf"), "down": float("-inf"), "flag": 1})
        return super().training_step(batch, batch_idx)

    def validation_step(self, batch, batch_idx):
        self.log("each", self.loss(batch), on_step=True, on_epoch=True)


pl.Trainer(**SHORT).fit(Odd(), batches(), batches())
