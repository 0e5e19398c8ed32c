"""How fast training goes, as a moving rate over the last half minute."""

from __future__ import annotations

from collections import deque

_WINDOW_S = 30.0


class RateMeter:
    """Steps a second over a sliding window of wall time, validation included, so that an ETA counts it too."""

    def __init__(self) -> None:
        self._samples: deque[tuple[float, int]] = deque()

    def add(self, t: float, step: int) -> None:
        """Note that `step` steps were done at time `t` (seconds)."""
        if self._samples and step < self._samples[-1][1]:
            self._samples.clear()
        self._samples.append((t, step))
        while t - self._samples[0][0] > _WINDOW_S and len(self._samples) > 2:
            self._samples.popleft()

    @property
    def steps_per_s(self) -> float | None:
        """None until two samples tell something."""
        if len(self._samples) < 2:
            return None
        (t0, step0), (t1, step1) = self._samples[0], self._samples[-1]
        return (step1 - step0) / (t1 - t0) if t1 > t0 and step1 > step0 else None
