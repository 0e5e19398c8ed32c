"""Waits that explain themselves when they fail."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_for(
    look: Callable[[], T],
    *,
    timeout_s: float = 30,
    what: str = "the condition",
    log: Callable[[], str] = str,
) -> T:
    """The first true value `look` gives; fails with the log's text."""
    deadline = time.monotonic() + timeout_s
    while not (value := look()):
        if time.monotonic() > deadline:
            raise AssertionError(
                f"{what} did not come within {timeout_s:.0f} s (last: {value!r})\n{log()}"
            )
        time.sleep(0.05)
    return value
