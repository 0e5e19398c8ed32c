"""Which metrics are new since the last look."""

from __future__ import annotations

from typing import Any, Mapping


class MetricReader:
    """Compares objects, not numbers: Lightning keeps old metrics for ever but makes new tensors."""

    def __init__(self) -> None:
        # Held on purpose: the identity of a collected object could come back as another value's.
        self._seen: dict[str, Any] = {}

    def skip(self, metrics: Mapping[str, Any]) -> None:
        """Count these as seen."""
        self._seen = dict(metrics)

    def new(self, metrics: Mapping[str, Any]) -> dict[str, Any]:
        seen = self._seen
        fresh = {name: value for name, value in metrics.items() if seen.get(name) is not value}
        seen.update(fresh)
        # `train_loss` is there beside `train_loss_step` or `train_loss_epoch`, which loggers show.
        for name in [name for name in fresh if name.endswith(("_step", "_epoch"))]:
            plain = name.rpartition("_")[0]
            if name in fresh and fresh.get(plain) is fresh[name]:
                del fresh[plain]
        return fresh
