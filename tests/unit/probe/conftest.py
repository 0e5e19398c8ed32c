"""The probe is no package of the app: its folder is put on the path, as in a user's process."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

PROBE = Path(__file__).resolve().parents[3] / "probe"
sys.path.append(str(PROBE))


class Clock:
    """Time that passes when the test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


class FakeTrainer(SimpleNamespace):
    """As much of a Trainer as the probe asks for."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(
            **{
                "global_step": 0,
                "current_epoch": 0,
                "max_epochs": 2,
                "max_steps": -1,
                "num_training_batches": 10,
                "callbacks": [],
                "world_size": 1,
                "num_nodes": 1,
                "accumulate_grad_batches": 1,
                "should_stop": False,
                "fit_loop": SimpleNamespace(min_epochs=1, min_steps=None),
                **attributes,
            }
        )

    __hash__ = object.__hash__


@pytest.fixture
def new_trainer() -> type[FakeTrainer]:
    return FakeTrainer
