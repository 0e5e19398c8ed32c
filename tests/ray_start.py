"""The parts of a start, for `benchmarks/ray_backend.py`."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Start:
    """When each part of a start was over, in seconds since the submission; by name, in order."""

    began: float
    parts: dict[str, float] = field(default_factory=dict)

    def note(self, name: str, at: float) -> None:
        self.parts[name] = at - self.began

    @property
    def total(self) -> float:
        return self.parts["first step"]

    def __str__(self) -> str:
        ends = list(self.parts.values())
        each = zip(self.parts, ends, [0.0, *ends], strict=False)
        return ", ".join(f"{name} {end - start:.2f}" for name, end, start in each)


def printed(text: str) -> float:
    """What a script without Lightning says of its first step."""
    return float(text.split("first step")[1].split(maxsplit=1)[0])
