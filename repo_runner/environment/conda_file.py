"""Reads an environment.yml: its pip part, its Python version, its packages that PyPI has too."""

from __future__ import annotations

import re
from collections.abc import Sequence
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
    twins = [_pypi_line(m["name"], m["version"]) for m in specs if m["name"].lower() in PYPI_NAMES]
    missing = [
        m["name"] for m in specs if m["name"].lower() not in PYPI_NAMES.keys() | _PASSED_OVER
    ]
    python = next((m["version"] for m in specs if m["name"] == "python"), "")
    notes = (
        f"{path}: these conda packages are not on PyPI and are left out: {', '.join(missing)}.",
    )
    return _with_pip_part(
        checkout, path, pip, twins, python=_minor(python), notes=notes if missing else ()
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


def _with_pip_part(
    checkout: Path,
    path: str,
    pip: Sequence[str],
    twins: Sequence[str],
    *,
    python: str,
    notes: tuple[str, ...],
) -> DependencyPlan:
    """The pip part may name requirements files (`-r`) and folders of the repository (`-e`)."""
    folder = PurePosixPath(path).parent
    named: dict[str, list[str]] = {"-r": [], "-e": [], "": []}
    for line in twins:
        check_line(line, path)
    for line in pip:
        option, _, target = (
            line.partition(" ") if line.startswith(("-r ", "-e ")) else ("", "", line)
        )
        if option:
            target = inside(checkout, str(folder / target.strip()), path)
        check_line(target, path)
        named[option].append(target)
    included = read_all(checkout, named["-r"])
    return DependencyPlan(
        requirement_files=included.requirement_files,
        packages=tuple(named["-e"]),
        lines=(*twins, *named[""]),
        files=(path, *included.files),
        python=python,
        needs_tree=bool(named["-e"]) or included.needs_tree,
        notes=notes,
    )


def _pypi_line(name: str, version: str) -> str:
    """In conda `=1.26` means any 1.26; a build string (`=1.26.4=py311_0`) means nothing to PyPI."""
    twin = PYPI_NAMES[name.lower()]
    version = version.replace(" ", "")
    fuzzy = re.fullmatch(r"=([\w.]+?)(?:\.\*)?(?:=.*)?", version)
    if fuzzy:
        return f"{twin}=={fuzzy[1]}.*"
    return twin + re.sub(r"(==[\w.]+)=.*", r"\1", version)


def _minor(version: str) -> str:
    match = re.search(r"(\d+\.\d+)", version)
    return match[1] if match and not re.search(r"[<>!]", version) else version.replace(" ", "")
