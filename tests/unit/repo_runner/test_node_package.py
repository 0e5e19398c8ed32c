"""The package that travels to a cluster."""

from __future__ import annotations

import ast
import io
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

from repo_runner.backends.package import node_package

ROOT = Path(__file__).resolve().parent.parent.parent.parent
#: Where the name of a package is not that of its module.
PACKAGES = {
    "yaml": "pyyaml",
    "git": "gitpython",
    "pynvml": "nvidia-ml-py",
    "pydantic_core": "pydantic-core",
}
STARTED = ("repo_runner.supervise", "repo_runner.node.__main__", "repo_runner.node.peer")


def test_a_node_installs_all_that_its_processes_import() -> None:
    lines = (ROOT / "requirements-node.lock").read_text().splitlines()
    locked = {line.partition("==")[0] for line in lines if "==" in line}
    needed = {PACKAGES.get(name, name) for name in third_party(set(STARTED))}
    # Of the storage of a bucket: installed where there is one.
    assert needed - {"obstore"} <= locked


def test_a_node_gets_the_versions_of_the_app() -> None:
    def pins(name: str) -> set[str]:
        return {line for line in (ROOT / name).read_text().splitlines() if "==" in line}

    assert pins("requirements-node.lock") <= pins("requirements.lock")


def test_it_holds_the_code_and_no_secret_file_nor_bytecode() -> None:
    names = zipfile.ZipFile(io.BytesIO(node_package().content)).namelist()
    assert {"repo_runner/node/bootstrap.py", "probe/sitecustomize.py"} <= set(names)
    assert all(n.startswith(("repo_runner/", "probe/", "requirements-")) for n in names)
    assert not [n for n in names if n.endswith(".pyc") or "migrations" in n]


def third_party(waiting: set[str]) -> set[str]:
    """Of these modules and all of ours that they import, at whatever place."""
    seen: set[str] = set()
    found: set[str] = set()
    while waiting:
        module = waiting.pop()
        seen.add(module)
        for name in imports(module):
            if name.split(".")[0] != "repo_runner":
                found.add(name.split(".")[0])
            elif file_of(name) and name not in seen:
                waiting.add(name)
    return found - sys.stdlib_module_names


def imports(module: str) -> Iterator[str]:
    for node in ast.walk(ast.parse((file_of(module) or Path()).read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{a.name}" for a in node.names if node.module[:4] == "repo")


def file_of(module: str) -> Path | None:
    base = ROOT.joinpath(*module.split("."))
    return next((f for f in (base.with_suffix(".py"), base / "__init__.py") if f.exists()), None)
