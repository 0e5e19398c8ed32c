"""`lightning` and `pytorch_lightning` in one process."""

import os
import sys
from importlib import import_module

for package in ("lightning.pytorch", "pytorch_lightning"):
    os.environ["LIGHTNING_PACKAGE"] = package
    sys.modules.pop("tiny", None)
    tiny = import_module("tiny")
    tiny.pl.Trainer(**tiny.SHORT).fit(tiny.TrainingOnly(), tiny.batches())
