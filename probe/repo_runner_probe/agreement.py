"""By what file the ranks of a training agree on the batch before which all of them stop."""

from __future__ import annotations

import os
import time

#: How long rank zero waits until the other machines have the file; they wait for it meanwhile.
PATIENCE_S = 20.0
_LOOK_INTERVAL_S = 0.05


class Agreement:
    """`<fit> <batch>`, written once by rank zero and read by all.

    Ranks on other machines do not see it: a courier carries it there, and says in `<path>.known` that all have it.
    """

    def __init__(self, path: str, fit: int, *, is_carried: bool) -> None:
        self._path = path
        self._known = path + ".known"
        self._fit = fit
        self._is_carried = is_carried

    @property
    def is_of_earlier_fit(self) -> bool:
        """Whether an earlier fit was stopped by it, on a machine that has no checkpoint to tell."""
        return self._is_carried and self._read()[0] in range(1, self._fit)

    def propose(self, batch: int) -> bool:
        """Name the batch; False, and nothing is agreed, when it did not reach the other machines."""
        aside = self._path + ".partial"
        with open(aside, "w", encoding="ascii") as file:
            file.write(f"{self._fit} {batch}")
        os.replace(aside, self._path)
        if not self._is_carried or self._is_known_in_time():
            return True
        os.unlink(self._path)
        return False

    def is_due(self, batch: int) -> bool:
        """Whether this batch, or an earlier one, was named."""
        fit, agreed = self._read()
        return fit == self._fit and batch >= agreed

    def _is_known_in_time(self) -> bool:
        """Rank zero waits before its batch, so no other rank can finish that one: they all are in time."""
        deadline = time.monotonic() + PATIENCE_S
        while not os.path.exists(self._known):
            if time.monotonic() > deadline:
                return False
            time.sleep(_LOOK_INTERVAL_S)
        return True

    def _read(self) -> tuple[int, int]:
        """Zeros where there is none."""
        try:
            with open(self._path, encoding="ascii") as file:
                fit, batch = (int(word) for word in file.read().split())
        except (OSError, ValueError):
            return 0, 0
        return fit, batch
