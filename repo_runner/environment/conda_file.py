"""Reads an environment.yml: its pip part, its Python version, its packages that PyPI has too."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from repo_runner.environment.conda_names import PYPI_NAMES
from repo_runner.environment.plan import DependencyPlan, inside, read_text
from repo_runner.environment.requirement_files import check_line, read_all
from repo_runner.errors import InvalidRequirement

#: Part of every environment, or said elsewhere.
_PASSED_OVER = {"python", "pip", "wheel"}

_SPEC = re.compile(r"^(?:[\w.-]+::)?(?P<name>[\w.-]+)\s*(?P<version>.*)$")


def read_conda(checkout: Path, path: str, _files: Sequence[str]) -> DependencyPlan:
    """The plan of an environment.yml; packages without a twin on PyPI are named in its notes."""
    conda, pip = _entries(checkout, path)
    specs = [match for entry in conda if (match := _SPEC.match(entry))]
    named = {m["name"].lower(): m["version"].replace(" ", "") for m in specs}
    twins = [_pypi_line(name, version) for name, version in named.items() if name in PYPI_NAMES]
    missing = [name for name in named if name not in PYPI_NAMES and name not in _PASSED_OVER]
    plan = _pip_part(checkout, path, pip)
    for line in (*twins, *plan.lines):
        check_line(line, path)
    return replace(
        plan,
        lines=(*twins, *plan.lines),
        python=_minor(named.get("python", "")),
        notes=(_left_out(path, missing),) if missing else (),
    )


def _entries(checkout: Path, path: str) -> tuple[list[str], list[str]]:
    try:
        content = yaml.safe_load(read_text(checkout, path))
    except yaml.YAMLError as error:
        reason = str(error).replace("\n", " ")
        raise InvalidRequirement(
            f"{path} is not valid YAML: {reason}.", hint="Mend the file."
        ) from error
    rows: list[Any] = (content.get("dependencies") if isinstance(content, dict) else None) or []
    conda = [row for row in rows if isinstance(row, str)]
    pip = [line for row in rows if isinstance(row, dict) for line in row.get("pip") or []]
    return conda, [str(line) for line in pip]


def _pip_part(checkout: Path, path: str, pip: Sequence[str]) -> DependencyPlan:
    """The pip part may name requirements files (`-r`) and folders of the repository (`-e`)."""
    named: dict[str, list[str]] = {"-r": [], "-e": [], "": []}
    for line in pip:
        option, _, target = line.partition(" ")
        if option in ("-r", "-e") and "://" not in target:
            inner = str(PurePosixPath(path).parent / target.strip())
            named[option].append(inside(checkout, inner, path))
        else:
            named[""].append(line)
    included = read_all(checkout, named["-r"])
    return replace(
        included,
        packages=tuple(named["-e"]),
        lines=tuple(named[""]),
        files=(path, *included.files),
        needs_tree=bool(named["-e"]) or included.needs_tree,
    )


def _left_out(path: str, missing: Sequence[str]) -> str:
    return f"{path}: these conda packages are not on PyPI and are left out: {', '.join(missing)}."


def _pypi_line(name: str, version: str) -> str:
    """In conda `=1.26` means any 1.26; a build string (`=1.26.4=py311_0`) means nothing to PyPI."""
    twin = PYPI_NAMES[name]
    fuzzy = re.fullmatch(r"=([\w.]+?)(?:\.\*)?(?:=.*)?", version)
    if fuzzy:
        return f"{twin}=={fuzzy[1]}.*"
    return twin + re.sub(r"(==[\w.]+)=.*", r"\1", version)


def _minor(version: str) -> str:
    match = re.search(r"(\d+\.\d+)", version)
    return match[1] if match and not re.search(r"[<>!]", version) else version
