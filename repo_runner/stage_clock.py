"""How long a training has been in each of its stages: the sanity check, epochs, validation, saving."""

from __future__ import annotations


class StageClock:
    """Told which stage begins when; a stage comes many times, and its times add up."""

    def __init__(self) -> None:
        self.stage = ""
        self._since = 0.0
        self._seconds: dict[str, float] = {}

    def enter(self, stage: str, at: float) -> None:
        """From this moment on it is in this stage; an empty name: in none."""
        self._seconds = self._until(at)
        self.stage, self._since = stage, at

    def seconds(self, at: float) -> dict[str, float]:
        """The times up to a moment, in the order in which the stages first came."""
        return {stage: round(spent, 1) for stage, spent in self._until(at).items()}

    def _until(self, at: float) -> dict[str, float]:
        if not self.stage:
            return self._seconds
        spent = self._seconds.get(self.stage, 0.0) + max(at - self._since, 0.0)
        return {**self._seconds, self.stage: spent}
