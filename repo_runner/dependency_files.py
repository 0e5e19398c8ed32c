"""Which dependency files a repository has, in the order in which they are honoured."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from repo_runner.errors import InvalidInput

#: Best first. A `setup.py` only says that the folder is a package.
KINDS = ("uv.lock", "pyproject.toml", "requirements", "environment", "setup.py")

_REQUIREMENTS = re.compile(r"requirements.*\.txt", re.IGNORECASE)
#: Requirements for working on the repository, not for running it.
_FOR_DEVELOPERS = re.compile(
    r"[-_.](dev|test|tests|testing|doc|docs|lint|ci|build|typing)\b", re.IGNORECASE
)


def find_dependency_files(paths: Sequence[str], script_path: str) -> tuple[str, ...]:
    """The dependency files among a repository's paths, nearest to the script first."""
    by_folder: dict[str, list[str]] = {}
    for path in paths:
        by_folder.setdefault(parent(path), []).append(path)
    found: list[str] = []
    for folder in folders_upwards(script_path):
        found += _in_order(by_folder.get(folder, []))
    return tuple(found)


def check_dependency_file(choice: str, paths: Sequence[str], script_path: str) -> str:
    """A person's choice among a repository's paths, normalised; an empty text leaves it to the app.

    Any file of a known kind may be chosen, not only those found for the script. Raises
    InvalidInput, field `dependency_file`.
    """
    path = choice.strip().removeprefix("./")
    if not path:
        return ""
    found = find_dependency_files(paths, script_path)
    if path not in paths:
        raise _refusal(f"There is no {path!r} at this commit.", path, found)
    if not chosen_kind(path):
        raise _refusal(f"{path!r} is no dependency file.", path, found)
    if chosen_kind(path) == "uv.lock" and beside(path, "pyproject.toml") not in paths:
        raise _refusal(f"{path!r} has no pyproject.toml beside it.", path, found)
    return path


def folders_upwards(script_path: str) -> Iterator[str]:
    """The script's folder and those above it, up to the top, which is the empty text."""
    folder = parent(script_path)
    while folder:
        yield folder
        folder = parent(folder)
    yield ""


def parent(path: str) -> str:
    """A path's folder; the top is the empty text."""
    folder = str(PurePosixPath(path).parent)
    return "" if folder == "." else folder


def kind_of(path: str) -> str:
    """One of KINDS, or an empty text for a file of another kind."""
    name = PurePosixPath(path).name
    if _REQUIREMENTS.fullmatch(name) and not _FOR_DEVELOPERS.search(name.removesuffix(".txt")):
        return "requirements"
    if name in ("environment.yml", "environment.yaml"):
        return "environment"
    return name if name in KINDS else ""


def chosen_kind(path: str) -> str:
    """The kind of a file that a person chose: for them any text file may hold requirements."""
    by_ending = {".txt": "requirements", ".yml": "environment", ".yaml": "environment"}
    return kind_of(path) or by_ending.get(PurePosixPath(path).suffix, "")


def beside(path: str, name: str) -> str:
    """The path of another file in a file's folder."""
    return str(PurePosixPath(path).with_name(name))


def _refusal(message: str, path: str, found: Sequence[str]) -> InvalidInput:
    near = difflib.get_close_matches(path, found, n=1, cutoff=0.4) or found[:3]
    names = " or ".join(near) or "nothing, which installs the operator's default requirements"
    return InvalidInput(message, field="dependency_file", hint=f"Choose {names}.")


def _in_order(paths: Sequence[str]) -> list[str]:
    """One folder's files, best first; a plain `requirements.txt` stands for all its kind."""
    known = [path for path in paths if kind_of(path)]
    names = {PurePosixPath(path).name for path in known}
    if "requirements.txt" in names:
        known = [
            p
            for p in known
            if kind_of(p) != "requirements" or PurePosixPath(p).name == "requirements.txt"
        ]
    if "pyproject.toml" not in names:
        known = [path for path in known if kind_of(path) != "uv.lock"]
    return sorted(known, key=lambda path: (KINDS.index(kind_of(path)), path))
