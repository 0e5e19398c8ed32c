"""The vulnerabilities that are accepted, and what a report says beside them."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PAGE = Path(__file__).with_name("accepted.toml")


@dataclass(frozen=True)
class Accepted:
    """One entry of the page."""

    id: str
    aliases: tuple[str, ...]
    #: By package, the versions that are affected.
    packages: dict[str, str]
    reason: str
    #: `file::name` of the test that proves that it does no harm here.
    test: str

    def covers(self, found: Finding) -> bool:
        """Whether it is this vulnerability, of this package, under whatever name."""
        return found.package in self.packages and bool({self.id, *self.aliases} & found.ids)


@dataclass(frozen=True)
class Finding:
    """One vulnerability that a service has reported."""

    package: str
    version: str
    ids: frozenset[str]

    def __str__(self) -> str:
        return f"{self.package} {self.version}: {', '.join(sorted(self.ids))}"


def read(page: Path = PAGE) -> tuple[Accepted, ...]:
    """All entries; a field that is missing or unknown is an error."""
    entries = tomllib.loads(page.read_text())["accepted"]
    return tuple(Accepted(**{**entry, "aliases": tuple(entry["aliases"])}) for entry in entries)


def findings(report: dict[str, Any]) -> Iterator[Finding]:
    """What pip-audit's JSON says."""
    for package in report["dependencies"]:
        for each in package.get("vulns", ()):
            ids = frozenset({each["id"], *each.get("aliases", ())})
            yield Finding(package["name"], package["version"], ids)


def unaudited(report: dict[str, Any]) -> list[str]:
    """Packages that the service does not know: pip-audit calls that a success."""
    return [
        f"{p['name']}: {p['skip_reason']}" for p in report["dependencies"] if "skip_reason" in p
    ]


def not_accepted(report: dict[str, Any], accepted: tuple[Accepted, ...]) -> list[Finding]:
    """What nobody has answered yet."""
    return [f for f in findings(report) if not any(a.covers(f) for a in accepted)]
