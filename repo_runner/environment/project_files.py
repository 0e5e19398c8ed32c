"""Reads a repository's uv.lock, pyproject.toml and setup.py."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from repo_runner.dependency_files import beside, parent
from repo_runner.environment.plan import DependencyPlan, read_text
from repo_runner.environment.requirement_files import check_line
from repo_runner.errors import InvalidRequirement
from repo_runner.requirements import MALICIOUS

#: uv's words for what lies in the repository and is built from there.
_LOCAL_SOURCES = {"editable", "directory", "path"}


def read_lock(checkout: Path, path: str, _files: Sequence[str]) -> DependencyPlan:
    """The plan of a uv.lock, which is taken as it is, without resolving anything."""
    lock = _toml(checkout, path)
    folder = parent(path)
    packages: list[dict[str, Any]] = lock.get("package", [])
    for package in packages:
        _refuse_malicious(package, path)
    return DependencyPlan(
        lock=folder,
        files=(path, beside(path, "pyproject.toml")),
        python=lock.get("requires-python", ""),
        needs_tree=any(_LOCAL_SOURCES & set(package.get("source", {})) for package in packages),
    )


def read_pyproject(checkout: Path, path: str, files: Sequence[str]) -> DependencyPlan | None:
    """The plan of a pyproject.toml; None when it only configures tools."""
    content = _toml(checkout, path)
    project = content.get("project", {})
    if not project and "build-system" not in content:
        return None
    for line in project.get("dependencies", []):
        check_line(line, path)
    is_package = _is_package(content, beside(path, "setup.py") in files)
    return DependencyPlan(
        requirement_files=() if is_package else (path,),
        packages=(parent(path),) if is_package else (),
        files=(path,),
        python=project.get("requires-python", ""),
        declares=_declares(content),
        needs_tree=is_package,
    )


def read_setup(_checkout: Path, path: str, _files: Sequence[str]) -> DependencyPlan:
    """A setup.py says that its folder is a package; on what it depends, only building it tells."""
    return DependencyPlan(packages=(parent(path),), files=(path,), declares=False, needs_tree=True)


def _is_package(content: dict[str, Any], has_setup: bool) -> bool:
    """As uv decides it: there is a build system, unless the project says that it is no package."""
    tools = content.get("tool", {})
    says = tools.get("uv", {}).get("package", tools.get("poetry", {}).get("package-mode"))
    if says is not None:
        return bool(says)
    dynamic = content.get("project", {}).get("dynamic", [])
    return "build-system" in content or has_setup or bool(dynamic)


def _declares(content: dict[str, Any]) -> bool:
    project = content.get("project", {})
    poetry = content.get("tool", {}).get("poetry", {}).get("dependencies", {})
    return bool(
        project.get("dependencies")
        or "dependencies" in project.get("dynamic", [])
        or set(poetry) - {"python"}
    )


def _refuse_malicious(package: dict[str, Any], path: str) -> None:
    name, version = canonicalize_name(package.get("name", "")), package.get("version", "")
    if version in MALICIOUS.get(name, ()):
        raise InvalidRequirement(f"{path} locks {name} {version}, a release known to be malicious.")


def _toml(checkout: Path, path: str) -> dict[str, Any]:
    try:
        return tomllib.loads(read_text(checkout, path))
    except tomllib.TOMLDecodeError as error:
        raise InvalidRequirement(
            f"{path} is not valid TOML: {error}.", hint="Mend the file."
        ) from error
