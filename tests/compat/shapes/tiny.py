"""The smallest model and data that use what a shape is about; the package comes from outside."""

from __future__ import annotations

import os
import warnings
from importlib import import_module

import torch
from torch.utils.data import DataLoader, TensorDataset

warnings.filterwarnings("ignore")

PACKAGE = os.environ.get("LIGHTNING_PACKAGE", "lightning.pytorch")
pl = import_module(PACKAGE)
callbacks = import_module(PACKAGE + ".callbacks")
loggers = import_module(PACKAGE + ".loggers")

#: Shared by most shapes: 10 batches an epoch, of which every second one is logged.
QUIET = {"enable_progress_bar": False, "enable_model_summary": False}
SHORT = {**QUIET, "max_epochs": 2, "log_every_n_steps": 2, "logger": False}


class Model(pl.LightningModule):
    def __init__(self, width: int = 4, lr: float = 0.01) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.lr = lr
        self.layer = torch.nn.Linear(width, 1)

    def training_step(self, batch, batch_idx):
        loss = self.loss(batch)
        self.log("train_loss", loss, on_step=True, on_epoch=True)
        return loss

    def validation_step(self, batch, batch_idx):
        self.log("val_loss", self.loss(batch))

    def test_step(self, batch, batch_idx):
        self.log("test_loss", self.loss(batch))

    def predict_step(self, batch, batch_idx, dataloader_idx=0):
        return self.layer(batch[0])

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=self.lr)

    def loss(self, batch):
        return self.layer(batch[0]).pow(2).mean()


class TrainingOnly(Model):
    """No validation: checkpoints are then saved at the end of the training epoch."""

    validation_step = pl.LightningModule.validation_step


def batches(count: int = 10, size: int = 4, **options):
    return DataLoader(TensorDataset(torch.randn(count * size, 4)), batch_size=size, **options)
