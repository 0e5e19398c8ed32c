"""How far a run's TensorBoard is, as the API answers it."""

from __future__ import annotations

from typing import Literal

from repo_runner.models import Record


class BoardStatus(Record):
    """Where a board stands."""

    state: Literal["off", "starting", "ready", "failed"] = "off"
    #: Where a browser finds it, once it is ready; whoever knows it may look.
    address: str = ""
    #: What it is doing, or why it failed.
    message: str = ""
    lines: tuple[str, ...] = ()
