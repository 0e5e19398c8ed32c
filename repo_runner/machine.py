"""What this machine has that a run may ask for; looked at without loading a driver."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

_DRIVER = Path("/proc/driver/nvidia/gpus")


@dataclass(frozen=True)
class Machine:
    """Its graphics processors and the free disk below the data folder."""

    has_gpu: bool
    free_bytes: int

    @classmethod
    def of(cls, home: Path) -> Machine:
        """This one, now."""
        folder = next(place for place in (home, *home.parents) if place.exists())
        return cls(has_gpu(), shutil.disk_usage(folder).free)


def has_gpu() -> bool:
    """Whether NVIDIA's driver is here."""
    if _DRIVER.is_dir():
        return any(_DRIVER.iterdir())
    return shutil.which("nvidia-smi") is not None
