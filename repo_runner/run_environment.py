"""The environment a run was given: what is in it, and how that differs from what its repository asks for."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from repo_runner.models import Record

#: In the order in which they are shown.
Kind = Literal["differs", "not_installed", "declared", "pulled_in"]
_ORDER: tuple[Kind, ...] = ("differs", "not_installed", "declared", "pulled_in")
_PINNED = re.compile(r"^(?P<name>[\w.-]+)(?:==(?P<version>\S+)|\s*@\s*(?P<url>\S+))$")


class InstalledPackage(Record):
    """One package, asked for or installed or both."""

    name: str
    #: Empty: it was asked for and is not there, as a line for another kind of machine is.
    version: str = ""
    #: As the file says it; empty: other packages need it.
    declared: str = ""
    #: The repository's file that asks for it; empty: a person or the operator did, or nobody.
    file: str = ""
    kind: Kind


class RunEnvironment(Record):
    """What is known of a run's environment; without a key it has not been built yet."""

    key: str = ""
    python: str = ""
    #: Whether the script has a control group of its own.
    control_group: bool = False
    #: Whether it was there already.
    reused: bool = False
    #: How long building it took, whenever that was.
    seconds: float | None = None
    dependency_files: tuple[str, ...] = ()
    packages: tuple[InstalledPackage, ...] = ()
    #: Every installed package as pip freezes it.
    freeze: tuple[str, ...] = ()


def read_environment(path: Path) -> RunEnvironment:
    """What the supervisor noted in `environment.json`."""
    try:
        known: dict[str, Any] = json.loads(path.read_text())
    except (FileNotFoundError, NotADirectoryError):
        return RunEnvironment()
    freeze = tuple(known["freeze"])
    return RunEnvironment(
        key=known["key"],
        python=known["python"],
        reused=known["reused"],
        seconds=known["seconds"],
        dependency_files=tuple(known["dependency_files"]),
        packages=compare(known.get("declared", ()), freeze),
        freeze=freeze,
    )


def lock_text(environment: RunEnvironment, repo_url: str, commit_sha: str) -> str:
    """A requirements file that names every package of the environment with its version."""
    head = (
        f"# {repo_url} at {commit_sha}",
        f"# Python {environment.python}, environment {environment.key}",
    )
    return "\n".join([*head, *environment.freeze, ""])


def compare(
    declared: Iterable[Iterable[str]], freeze: Iterable[str]
) -> tuple[InstalledPackage, ...]:
    """Hold what was asked for against what is installed: differences first."""
    installed = dict(filter(None, map(_frozen, freeze)))
    asked = [(file, line, name) for file, line in declared if (name := _name(line))]
    rows = {name: _row(name, installed.get(name, ""), file, line) for file, line, name in asked}
    for name, version in installed.items():
        rows.setdefault(name, InstalledPackage(name=name, version=version, kind="pulled_in"))
    return tuple(sorted(rows.values(), key=lambda row: (_ORDER.index(row.kind), row.name)))


def _row(name: str, version: str, file: str, line: str) -> InstalledPackage:
    kind: Kind = "declared" if version else "not_installed"
    if version and not _fits(Requirement(line), version):
        kind = "differs"
    return InstalledPackage(name=name, version=version, declared=line, file=file, kind=kind)


def _fits(requirement: Requirement, version: str) -> bool:
    try:
        return requirement.specifier.contains(Version(version), prereleases=True)
    except InvalidVersion:  # an address: installed from just there
        return True


def _name(line: str) -> str:
    try:
        return canonicalize_name(Requirement(line).name)
    except InvalidRequirement:  # a path or an address
        return ""


def _frozen(line: str) -> tuple[str, str] | None:
    match = _PINNED.match(line)
    return (canonicalize_name(match["name"]), match["version"] or match["url"]) if match else None
