"""Requirement lines a person types: one PEP 508 name a line, checked before anything starts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from packaging.requirements import InvalidRequirement as NotPep508
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import VERSION_PATTERN, Version

from repo_runner.errors import InvalidRequirement

#: Releases of Lightning that carried malware; nothing may name or resolve to them.
MALICIOUS = {name: frozenset({"2.6.2", "2.6.3"}) for name in ("lightning", "pytorch-lightning")}

#: The same as constraint lines, given to every resolution.
SAFETY_CONSTRAINTS = tuple(
    f"{name}{','.join(f'!={version}' for version in sorted(versions))}"
    for name, versions in MALICIOUS.items()
)

_COMMENT = re.compile(r"(^|\s+)#.*$")
_VERSION = re.compile(VERSION_PATTERN, re.VERBOSE | re.IGNORECASE)
_PATH_OR_URL = re.compile(r"^[./~\\]|^[A-Za-z]:[\\/]|://|^[\w.-]+[/\\]|^git[+@]|^file:")


@dataclass(frozen=True)
class _Line:
    number: int
    text: str
    requirement: Requirement


def parse_requirements(
    text: str | Sequence[str], *, field: str = "requirements"
) -> tuple[str, ...]:
    """The requirements in their normal form, comments, blanks and repetitions dropped.

    Raises InvalidRequirement, naming the line, for options, paths, URLs and what is no requirement.
    """
    kept: list[_Line] = []
    for number, line in _lines(text):
        parsed = _Line(number, line, _parse(number, line, field))
        _refuse_conflict(parsed, kept, field)
        if str(parsed.requirement) not in [str(other.requirement) for other in kept]:
            kept.append(parsed)
    return tuple(str(line.requirement) for line in kept)


def strip_comment(line: str) -> str:
    """The line without its comment and the space around it."""
    return _COMMENT.sub("", line).strip()


def names_lightning(requirements: Sequence[str]) -> bool:
    """Whether one of these valid requirements is PyTorch Lightning, under either name."""
    return any(canonicalize_name(Requirement(line).name) in MALICIOUS for line in requirements)


def malicious_pin(requirement: Requirement) -> str:
    """`name version` when a requirement pins a release known to be malicious, else nothing."""
    bad = MALICIOUS.get(canonicalize_name(requirement.name), frozenset())
    pins = [s.version.removesuffix(".*") for s in requirement.specifier if s.operator[:2] == "=="]
    named = {version for version in bad for pin in pins if _same(version, pin)}
    return f"{requirement.name} {min(named)}" if named else ""


def _lines(text: str | Sequence[str]) -> Iterator[tuple[int, str]]:
    rows = text.splitlines() if isinstance(text, str) else text
    for number, row in enumerate(rows, start=1):
        if line := strip_comment(row):
            yield number, line


def _parse(number: int, line: str, field: str) -> Requirement:
    if line.startswith("-"):
        raise _refusal(
            number, line, "is an option; only package names with versions are accepted", field
        )
    if _PATH_OR_URL.search(line.partition(";")[0]):
        raise _refusal(
            number, line, "is a path or an address; only package names are accepted", field
        )
    try:
        requirement = Requirement(line)
    except NotPep508 as error:
        reason = str(error).splitlines()[0]
        raise _refusal(number, line, f"is not a valid requirement ({reason})", field) from error
    if not all(part.version for part in requirement.specifier):
        raise _refusal(number, line, "names no version after its operator", field)
    if requirement.url:
        raise _refusal(
            number, line, "is a path or an address; only package names are accepted", field
        )
    if bad := malicious_pin(requirement):
        raise _refusal(number, line, f"asks for {bad}, a release known to be malicious", field)
    return requirement


def _refuse_conflict(line: _Line, others: Sequence[_Line], field: str) -> None:
    for other in others:
        if _contradict(line.requirement, other.requirement):
            reason = f"contradicts line {other.number} ({other.text!r})"
            raise _refusal(line.number, line.text, reason, field)


def _contradict(one: Requirement, other: Requirement) -> bool:
    if canonicalize_name(one.name) != canonicalize_name(other.name):
        return False
    if str(one.marker) != str(other.marker):
        return False
    return _excludes(one.specifier, other.specifier) or _excludes(other.specifier, one.specifier)


def _excludes(specifier: SpecifierSet, pinning: SpecifierSet) -> bool:
    version = _pinned(pinning)
    return version is not None and not specifier.contains(version, prereleases=True)


def _pinned(specifier: SpecifierSet) -> Version | None:
    """The one version that `==` or `===` names, if one does."""
    pins = [s.version for s in specifier if s.operator[:2] == "=="]
    return next((Version(pin) for pin in pins if _VERSION.fullmatch(pin)), None)


def _same(version: str, pin: str) -> bool:
    return bool(_VERSION.fullmatch(pin)) and Version(Version(pin).public) == Version(version)


def _refusal(number: int, line: str, reason: str, field: str) -> InvalidRequirement:
    return InvalidRequirement(f"Requirement line {number} {reason}: {line!r}.", field=field)
