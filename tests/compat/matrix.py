"""The matrix as Python objects: versions, shapes, and the cells that are known not to pass."""

from __future__ import annotations

import operator
import re
import tomllib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("matrix.toml")
_COMPARISONS = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
}


@dataclass(frozen=True)
class Version:
    """One release of one of the two packages."""

    package: str
    number: str

    @classmethod
    def parse(cls, text: str) -> Version:
        """From "pytorch_lightning 1.5.10"."""
        return cls(*text.split())

    def __str__(self) -> str:
        return f"{self.package} {self.number}"

    @property
    def has_both(self) -> bool:
        return self.package == "lightning"

    @property
    def imported(self) -> str:
        """The name a script imports."""
        return "lightning.pytorch" if self.has_both else self.package

    def is_in(self, ranges: str) -> bool:
        """Tell whether it fulfils all of "<1.6" or ">=1.9,<2.4"; "" is every version."""
        return all(self._fulfils(part) for part in ranges.split(",") if part)

    def _fulfils(self, part: str) -> bool:
        sign, number = re.fullmatch(r"([<>=]+)([\d.]+)", part.strip()).groups()
        wanted = tuple(int(n) for n in number.split("."))
        own = tuple(int(n) for n in self.number.split("."))
        return _COMPARISONS[sign](own[: len(wanted)], wanted)


@dataclass(frozen=True)
class Shape:
    """One kind of script, how it is run and what is expected of its events."""

    name: str
    facts: dict[str, Any]

    @property
    def script(self) -> str:
        return self.facts.get("script", self.name)

    def __getitem__(self, key: str) -> Any:
        return self.facts[key]

    def get(self, key: str, default: Any = None) -> Any:
        return self.facts.get(key, default)


@dataclass(frozen=True)
class Expected:
    """`pass`, `partial` (these checks fail, for this reason) or `unsupported` (the script cannot run there at all)."""

    outcome: str = "pass"
    reason: str = ""
    fails: frozenset[str] = frozenset()


class Matrix:
    """What `matrix.toml` says."""

    def __init__(self, file: Path = FILE) -> None:
        self._data = tomllib.loads(file.read_text())

    @cached_property
    def versions(self) -> list[Version]:
        return [Version.parse(text) for text in self._data["versions"]]

    @cached_property
    def shapes(self) -> list[Shape]:
        return [Shape(name, facts) for name, facts in self._data["shapes"].items()]

    def shape_for(self, version: Version, shape: Shape) -> Shape:
        """The shape with what is expected of this version."""
        facts = dict(shape.facts)
        for other in self._data.get("differs", []):
            if shape.name in other["shapes"] and version.is_in(other["versions"]):
                facts.update(other["facts"])
        return Shape(shape.name, facts)

    def requirements(self, version: Version) -> list[str]:
        names = ["lightning", "pytorch_lightning"] if version.has_both else [version.package]
        own = [f"{name}=={version.number}" for name in names]
        return own + self._data["requirements"] + self._needs(version, "requirement")

    def overrides(self, version: Version) -> list[str]:
        return self._needs(version, "override")

    def _needs(self, version: Version, key: str) -> list[str]:
        needs = [need for need in self._data["needs"] if version.is_in(need["versions"])]
        return [need[key] for need in needs if key in need]

    def expected(self, version: Version, shape: Shape) -> Expected:
        for known in self._data.get("known", []):
            if shape.name in known["shapes"] and version.is_in(known["versions"]):
                return Expected(
                    known["outcome"], known["reason"], frozenset(known.get("fails", ()))
                )
        return Expected()
