"""Train a small convolutional network to read scikit-learn's handwritten digits."""

from __future__ import annotations

import argparse
import warnings

import lightning as L
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import CSVLogger
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

Batch = tuple[Tensor, Tensor]
DIGITS = 10
TEST_SHARE = 0.2

# The images are in memory: loading them in worker processes would only be slower.
warnings.filterwarnings("ignore", message=".*does not have many workers.*")
# Lightning's own use of torch, nothing this script could change.
warnings.filterwarnings("ignore", message=".*LeafSpec.*is deprecated.*")


class DigitsData(L.LightningDataModule):
    """Grey images of 8 x 8 pixels: 64 % for training, 16 % for validation, 20 % for the test."""

    def __init__(self, batch_size: int, seed: int) -> None:
        super().__init__()
        self.save_hyperparameters()

    def setup(self, stage: str) -> None:
        digits = load_digits()
        images = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1) / 16 - 0.5
        labels = torch.tensor(digits.target)
        rest, test = self._split(labels, torch.arange(len(labels)))
        train, val = self._split(labels, rest)
        self.train_set = TensorDataset(images[train], labels[train])
        self.val_set = TensorDataset(images[val], labels[val])
        self.test_set = TensorDataset(images[test], labels[test])

    def train_dataloader(self) -> DataLoader[Batch]:
        return DataLoader(self.train_set, self.hparams.batch_size, shuffle=True)

    def val_dataloader(self) -> DataLoader[Batch]:
        return DataLoader(self.val_set, batch_size=256)

    def test_dataloader(self) -> DataLoader[Batch]:
        return DataLoader(self.test_set, batch_size=256)

    def _split(self, labels: Tensor, indices: Tensor) -> list[Tensor]:
        """Return two parts of `indices`, the second one small, with the same mix of digits."""
        return train_test_split(
            indices,
            test_size=TEST_SHARE,
            stratify=labels[indices],
            random_state=self.hparams.seed,
        )


class DigitsClassifier(L.LightningModule):
    """Four convolutions with one pooling step between them, then one linear layer."""

    def __init__(self, hidden: int, lr: float) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.network = nn.Sequential(
            *_convolution(1, hidden),
            *_convolution(hidden, hidden),
            nn.MaxPool2d(2),
            *_convolution(hidden, 2 * hidden),
            *_convolution(2 * hidden, 2 * hidden),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Dropout(0.3),
            nn.Linear(2 * hidden, DIGITS),
        )

    def forward(self, images: Tensor) -> Tensor:
        return self.network(images)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        loss, _ = self._loss_and_accuracy(batch)
        self.log("train_loss", loss, on_step=True, on_epoch=True, prog_bar=True)
        return loss

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        self._evaluate("val", batch)

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        self._evaluate("test", batch)

    def configure_optimizers(self) -> dict[str, object]:
        optimizer = torch.optim.AdamW(self.parameters(), lr=self.hparams.lr)
        steps = int(self.trainer.estimated_stepping_batches)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, self.hparams.lr, steps)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def _evaluate(self, stage: str, batch: Batch) -> None:
        loss, accuracy = self._loss_and_accuracy(batch)
        self.log_dict({f"{stage}_loss": loss, f"{stage}_acc": accuracy}, prog_bar=True)

    def _loss_and_accuracy(self, batch: Batch) -> tuple[Tensor, Tensor]:
        images, labels = batch
        scores = self(images)
        accuracy = (scores.argmax(dim=1) == labels).float().mean()
        return functional.cross_entropy(scores, labels), accuracy


def _convolution(channels_in: int, channels_out: int) -> list[nn.Module]:
    layer = nn.Conv2d(channels_in, channels_out, kernel_size=3, padding=1, bias=False)
    return [layer, nn.BatchNorm2d(channels_out), nn.ReLU()]


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--max_epochs", type=int, default=15)
    parser.add_argument("--lr", type=float, default=0.003, help="highest learning rate")
    parser.add_argument("--hidden", type=int, default=160, help="channels of the first layer")
    parser.add_argument("--batch_size", type=int, default=16)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--test", action="store_true", help="test the best checkpoint afterwards")
    return parser.parse_args()


def main() -> None:
    arguments = parse_arguments()
    L.seed_everything(arguments.seed)
    data = DigitsData(arguments.batch_size, arguments.seed)
    model = DigitsClassifier(arguments.hidden, arguments.lr)
    best = ModelCheckpoint(
        monitor="val_acc",
        mode="max",
        save_last=True,
        filename="digits-{epoch:02d}-{val_acc:.4f}",
    )
    trainer = L.Trainer(
        max_epochs=arguments.max_epochs,
        callbacks=[best],
        logger=CSVLogger("."),
        log_every_n_steps=10,
    )
    trainer.fit(model, datamodule=data)
    print(f"best val_acc {best.best_model_score:.4f} in {best.best_model_path}")
    if arguments.test:
        trainer.test(model, datamodule=data, ckpt_path="best")


if __name__ == "__main__":
    main()
