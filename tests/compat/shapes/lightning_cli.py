"""The command line that Lightning builds from the signatures of model and Trainer."""

from importlib import import_module

from tiny import PACKAGE, Model, batches, pl


class Data(pl.LightningDataModule):
    def train_dataloader(self):
        return batches()

    def val_dataloader(self):
        return batches()


if __name__ == "__main__":
    import_module(PACKAGE + ".cli").LightningCLI(Model, Data)
