"""The script works in a folder of its own and names its files relative to it."""

import os
from pathlib import Path

from tiny import SHORT, Model, batches, callbacks, pl

Path("elsewhere").mkdir()
os.chdir("elsewhere")
best = callbacks.ModelCheckpoint(dirpath="kept", monitor="val_loss")
pl.Trainer(callbacks=[best], **SHORT).fit(Model(), batches(), batches())
os.chdir("/")
