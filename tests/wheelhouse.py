"""Small real wheels and packages, made in a test, so that uv needs no network."""

from __future__ import annotations

import zipfile
from pathlib import Path

#: A build backend inside the repository: it writes into the tree it builds, as setuptools does.
_BACKEND = """
import pathlib, zipfile

def get_requires_for_build_editable(config_settings=None):
    return []

def build_editable(folder, config_settings=None, metadata_directory=None):
    here = pathlib.Path.cwd()
    (here / "package.egg-info").write_text("written by the build")
    {extra}
    name = "package-1.0-py3-none-any.whl"
    info = "package-1.0.dist-info"
    with zipfile.ZipFile(pathlib.Path(folder, name), "w") as wheel:
        wheel.writestr("package.pth", str(here / "src") + chr(10))
        wheel.writestr(info + "/METADATA", "Metadata-Version: 2.1\\nName: package\\nVersion: 1.0\\n")
        wheel.writestr(info + "/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr(info + "/RECORD", "")
    return name

build_wheel = build_editable
"""


def make_wheel(
    folder: Path,
    name: str,
    version: str,
    *,
    requires: str = "",
    modules: int = 1,
    tag: str = "py3-none-any",
) -> Path:
    """A wheel with a package of that name and number of modules."""
    folder.mkdir(parents=True, exist_ok=True)
    info = f"{name}-{version}.dist-info"
    needs = f"Requires-Dist: {requires}\n" if requires else ""
    files = {f"{name}/module_{n}.py": f"VALUE = {n}\n" for n in range(modules - 1)}
    files[f"{name}/__init__.py"] = f"VERSION = {version!r}\n"
    files[f"{info}/METADATA"] = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}"
    files[f"{info}/WHEEL"] = f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n"
    files[f"{info}/RECORD"] = "".join(
        f"{path},{_digest(text)},{len(text)}\n" for path, text in files.items()
    )
    path = folder / f"{name}-{version}-{tag}.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for inner, text in files.items():
            wheel.writestr(inner, text)
    return path


def make_package(folder: Path, *, extra: str = "", needs: str = "alpha") -> Path:
    """A repository that is a package, with its module in `src`; `extra` runs during its build."""
    (folder / "src" / "package").mkdir(parents=True)
    (folder / "src" / "package" / "__init__.py").write_text("VALUE = 'from the package'\n")
    (folder / "backend.py").write_text(_BACKEND.format(extra=extra))
    (folder / "pyproject.toml").write_text(
        f'[project]\nname = "package"\nversion = "1.0"\ndependencies = [{needs!r}]\n'
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    )
    return folder


def _digest(text: str) -> str:
    import base64
    import hashlib

    digest = hashlib.sha256(text.encode()).digest()
    return "sha256=" + base64.urlsafe_b64encode(digest).decode().rstrip("=")
