"""What was asked for, line by line: kept with a run, to be held against what was installed in the end."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from repo_runner.dependency_files import chosen_kind
from repo_runner.environment.plan import DependencyPlan, read_text
from repo_runner.requirements import strip_comment

#: A file of a repository and one line of it; for what a person or the operator asked for, no file.
Declared = tuple[str, str]


def declared_lines(checkout: Path, plan: DependencyPlan) -> tuple[Declared, ...]:
    """The requirement lines a plan was made from; the plan's readers have found them valid."""
    from_files = [(path, line) for path in plan.files for line in _lines(checkout, path, plan)]
    return (*from_files, *(("", line) for line in plan.lines))


def _lines(checkout: Path, path: str, plan: DependencyPlan) -> Iterator[str]:
    kind = chosen_kind(path)
    if kind == "uv.lock":
        yield from _locked(tomllib.loads(read_text(checkout, path)))
    elif kind == "pyproject.toml" and plan.lock is None:
        project = tomllib.loads(read_text(checkout, path)).get("project", {})
        yield from project.get("dependencies", [])
    elif kind == "requirements":
        lines = map(strip_comment, read_text(checkout, path).splitlines())
        yield from (line for line in lines if line and not line.startswith("-"))


def _locked(lock: dict[str, Any]) -> Iterator[str]:
    """Of a lock that holds for many machines, all; what is not for this one will not be there."""
    for package in lock.get("package", []):
        if "registry" in package.get("source", {}) and "version" in package:
            yield f"{package['name']}=={package['version']}"
