"""Two processes on one machine; the model reduces its metrics over both, and gathers at the epoch's end."""

import os
import sys

import torch
from tiny import SHORT, Model, batches, callbacks, pl


class Distributed(Model):
    def training_step(self, batch, batch_idx):
        loss = self.loss(batch)
        self.log("train_loss", loss, on_step=True, on_epoch=True, sync_dist=True)
        return loss

    def validation_step(self, batch, batch_idx):
        self.log("val_loss", self.loss(batch), sync_dist=True)

    def on_train_epoch_end(self):
        self.all_gather(torch.ones(1))


if __name__ == "__main__":
    strategy = sys.argv[1] if len(sys.argv) > 1 else "ddp"
    count = int(os.environ.get("BATCHES", "20"))
    best = callbacks.ModelCheckpoint(monitor="val_loss")
    options = {**SHORT, "callbacks": [best], "accelerator": "cpu", "devices": 2}
    trainer = pl.Trainer(strategy=strategy, **options)
    trainer.fit(Distributed(), batches(count), batches())
    print("steps", trainer.global_step)
