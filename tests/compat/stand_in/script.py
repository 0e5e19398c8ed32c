"""A script that uses the stand-in."""

import pytorch_lightning as pl

trainer = pl.Trainer()
trainer.fit("model")
print("steps", trainer.global_step)
