"""Fabric only: the Trainer is there but never used."""

import torch
from tiny import PACKAGE, batches

if PACKAGE == "lightning.pytorch":
    from lightning.fabric import Fabric
else:
    from lightning_fabric import Fabric

fabric = Fabric(accelerator="cpu", devices=1)
fabric.launch()
model = torch.nn.Linear(4, 1)
model, optimizer = fabric.setup(model, torch.optim.SGD(model.parameters(), lr=0.01))
for (batch,) in batches():
    fabric.backward(model(batch).pow(2).mean())
