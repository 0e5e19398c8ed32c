"""Reads a repository's requirements*.txt with the files they include, all inside of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from packaging.requirements import InvalidRequirement as NotPep508
from packaging.requirements import Requirement

from repo_runner.dependency_files import kind_of
from repo_runner.environment.plan import DependencyPlan, inside, read_text
from repo_runner.errors import InvalidRequirement
from repo_runner.requirements import malicious_pin, strip_comment

_INCLUDE = re.compile(r"^(?:-r|-c|--requirements?|--constraints?)[\s=]*(?P<path>.+)$")
#: A line that makes the installer read the repository's tree: `-e .`, `./package`, `name @
#: file:…`, `--find-links wheels`.
_LOCAL = re.compile(
    r"^(-e|--editable|-f|--find-links)[\s=]*+(?!\S+://)|^[./]|\bfile:|@\s*[./]|^[\w.-]+/"
)


def read(checkout: Path, path: str, files: Sequence[str]) -> DependencyPlan:
    """The plan of all requirements files in this one's folder."""
    folder = PurePosixPath(path).parent
    beside = tuple(
        other
        for other in files
        if kind_of(other) == "requirements" and PurePosixPath(other).parent == folder
    )
    return read_all(checkout, beside)


def read_all(checkout: Path, paths: Sequence[str]) -> DependencyPlan:
    """The plan of these requirements files."""
    lines: dict[str, list[str]] = {}
    for path in paths:
        _collect(checkout, path, lines)
    needs_tree = any(_LOCAL.search(line) for group in lines.values() for line in group)
    return DependencyPlan(requirement_files=tuple(paths), files=tuple(lines), needs_tree=needs_tree)


def check_line(line: str, where: str) -> None:
    """Refuse a line that pins a malicious release; all else is left to the installer."""
    try:
        bad = malicious_pin(Requirement(line))
    except NotPep508:
        return
    if bad:
        raise InvalidRequirement(
            f"{where} asks for {bad}, a release known to be malicious: {line!r}."
        )


def _collect(checkout: Path, path: str, lines: dict[str, list[str]]) -> None:
    """The lines of a file and, through `-r` and `-c`, of those it includes; each file once."""
    if path in lines:
        return
    lines[path] = []
    for number, line in enumerate(_joined(read_text(checkout, path)), start=1):
        where = f"{path}, line {number},"
        if match := _INCLUDE.match(line):
            _collect(checkout, _included(checkout, path, match["path"].strip("\"' "), where), lines)
        elif line:
            check_line(line, where)
            lines[path].append(line)


def _included(checkout: Path, path: str, target: str, where: str) -> str:
    if "://" in target:
        raise InvalidRequirement(
            f"{where} includes {target!r}, which is outside the repository.", hint=""
        )
    return inside(checkout, str(PurePosixPath(path).parent / target), where.rstrip(","))


def _joined(text: str) -> list[str]:
    """Lines without comments; a line continued by a backslash keeps the number of its last part."""
    lines: list[str] = []
    pending = ""
    for raw in text.splitlines():
        line = pending + strip_comment(raw)
        pending = line[:-1] if line.endswith("\\") else ""
        lines.append("" if pending else line)
    return lines
