"""Reads what a repository declares for one script and layers the extra requirements on top.

Only files are read; nothing of the repository is executed and nothing is resolved.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from repo_runner.dependency_files import (
    chosen_kind,
    find_dependency_files,
    folders_upwards,
    kind_of,
)
from repo_runner.environment import conda_file, project_files, requirement_files
from repo_runner.environment.plan import DependencyPlan
from repo_runner.errors import InvalidRequirement
from repo_runner.requirements import names_lightning

_Reader = Callable[[Path, str, Sequence[str]], DependencyPlan | None]
_READERS: dict[str, _Reader] = {
    "uv.lock": project_files.read_lock,
    "pyproject.toml": project_files.read_pyproject,
    "requirements": requirement_files.read,
    "environment": conda_file.read_conda,
    "setup.py": project_files.read_setup,
}


def plan_dependencies(
    checkout: Path,
    script_path: str,
    requirements: Sequence[str],
    defaults: Sequence[str],
    *,
    dependency_file: str = "",
) -> DependencyPlan:
    """The plan for a script; `defaults` stand in for no file and no Lightning asked for.

    A `dependency_file` that a person chose is honoured instead of the best of those found.
    """
    files = find_dependency_files(tuple(_nearby(checkout, script_path)), script_path)
    if dependency_file:
        plan: DependencyPlan | None = _chosen(checkout, dependency_file, files)
    else:
        plan = _declared(checkout, files)
    if plan is None:
        plan = DependencyPlan(lines=() if names_lightning(requirements) else tuple(defaults))
    asked = _python_version_file(checkout, script_path) or plan.python
    return replace(
        plan,
        lines=(*plan.lines, *requirements),
        files=tuple(dict.fromkeys((*plan.files, *_installer_settings(checkout, plan)))),
        python=_valid_python(asked),
    )


def _nearby(checkout: Path, script_path: str) -> Iterator[str]:
    """The files beside the script and in the folders above it."""
    for folder in folders_upwards(script_path):
        if (checkout / folder).is_dir():
            names = sorted(entry.name for entry in (checkout / folder).iterdir() if entry.is_file())
            yield from (f"{folder}/{name}" if folder else name for name in names)


def _declared(checkout: Path, files: Sequence[str]) -> DependencyPlan | None:
    """The plan of the first file that declares something, together with the nearest package."""
    plans = _plans(checkout, files, files)
    if not plans:
        return None
    return _with_package(next((plan for plan in plans if plan.declares), plans[0]), plans)


def _chosen(checkout: Path, path: str, files: Sequence[str]) -> DependencyPlan:
    """The plan of one file and no other of its kind, together with the nearest package."""
    kind = chosen_kind(path)
    if kind == "requirements":
        plan: DependencyPlan | None = requirement_files.read_all(checkout, (path,))
    else:
        plan = _READERS[kind](checkout, path, tuple(_nearby(checkout, path))) if kind else None
    if plan is None:
        raise InvalidRequirement(f"{path} declares no dependencies.", field="dependency_file")
    projects = [path for path in files if kind_of(path) in ("pyproject.toml", "setup.py")]
    return _with_package(plan, [plan, *_plans(checkout, projects, files)])


def _plans(checkout: Path, paths: Sequence[str], files: Sequence[str]) -> list[DependencyPlan]:
    return [plan for path in paths if (plan := _READERS[kind_of(path)](checkout, path, files))]


def _with_package(chosen: DependencyPlan, plans: Sequence[DependencyPlan]) -> DependencyPlan:
    package = next((plan for plan in plans if plan.packages), chosen)
    if chosen.lock is not None or chosen.packages:
        return chosen
    return replace(
        chosen,
        packages=package.packages,
        files=tuple(dict.fromkeys((*chosen.files, *package.files))),
        needs_tree=chosen.needs_tree or package.needs_tree,
    )


def _installer_settings(checkout: Path, plan: DependencyPlan) -> list[str]:
    """Where the repository may tell uv about indexes and sources; uv reads it beside the dependency file and above."""
    if not plan.files:
        return []
    folders = folders_upwards(plan.files[0])
    paths = [
        f"{f}/{name}" if f else name for f in folders for name in ("uv.toml", "pyproject.toml")
    ]
    return [path for path in paths if (checkout / path).is_file()]


def _python_version_file(checkout: Path, script_path: str) -> str:
    """What the nearest `.python-version` asks for; a patch release is rarely meant."""
    for folder in folders_upwards(script_path):
        path = checkout / folder / ".python-version"
        if path.is_file() and not path.is_symlink():
            match = re.search(r"\d+\.\d+", path.read_text(errors="replace"))
            return match[0] if match else ""
    return ""


def _valid_python(asked: str) -> str:
    """A version or range as packaging understands it; anything else asks for nothing."""
    if re.fullmatch(r"\d+(\.\d+)*", asked):
        return asked
    try:
        return str(SpecifierSet(asked))
    except InvalidSpecifier:
        return ""
