"""Data without a length, limited by steps."""

import torch
from tiny import QUIET, TrainingOnly, pl
from torch.utils.data import DataLoader, IterableDataset, TensorDataset


class Stream(IterableDataset):
    def __iter__(self):
        return iter(TensorDataset(torch.randn(40, 4)))


trainer = pl.Trainer(max_steps=15, log_every_n_steps=2, logger=False, **QUIET)
trainer.fit(TrainingOnly(), DataLoader(Stream(), batch_size=4))
