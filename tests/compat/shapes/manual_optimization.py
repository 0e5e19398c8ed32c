"""The model steps two optimizers by hand."""

import torch
from tiny import SHORT, TrainingOnly, batches, pl


class Manual(TrainingOnly):
    def __init__(self) -> None:
        super().__init__()
        self.automatic_optimization = False

    def training_step(self, batch, batch_idx):
        for optimizer in self.optimizers():
            loss = self.loss(batch)
            optimizer.zero_grad()
            self.manual_backward(loss)
            optimizer.step()
        self.log("train_loss", loss)

    def configure_optimizers(self):
        one = torch.optim.SGD(self.parameters(), lr=0.01)
        return [one, torch.optim.Adam(self.parameters(), lr=0.02)]


pl.Trainer(**SHORT).fit(Manual(), batches())
