"""Names for the objects of Lightning's two packages and many versions."""

from __future__ import annotations

from typing import Any

Trainer = Any
LightningModule = Any
