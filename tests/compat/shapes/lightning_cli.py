"""The command line that Lightning builds from the signatures of model and Trainer."""

from importlib import import_module
from importlib.util import find_spec

from tiny import PACKAGE, Model, batches, pl


class Data(pl.LightningDataModule):
    def train_dataloader(self):
        return batches()

    def val_dataloader(self):
        return batches()


if __name__ == "__main__":
    # Before 1.7 it was elsewhere.
    place = ".cli" if find_spec(PACKAGE + ".cli") else ".utilities.cli"
    import_module(PACKAGE + place).LightningCLI(Model, Data)
