"""What a preflight says of the parts of a repository that are not fetched by themselves: submodules, Git LFS."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator

from repo_runner.inspection import Inspection
from repo_runner.models import RunSpec, SubmoduleInfo
from repo_runner.repository_files import RepositoryFiles
from repo_runner.source import find_submodules, parse_pointer

GITMODULES, GITATTRIBUTES = ".gitmodules", ".gitattributes"

#: So many files are looked at to tell whether they are pointers; there may be more.
_MAX_POINTERS = 50
_MAX_PATTERNS = 50
_SHOWN = 5


def pointer_candidates(files: RepositoryFiles) -> list[str]:
    """Paths that the repository's attributes hand to Git LFS."""
    patterns = list(_lfs_patterns(files.text(GITATTRIBUTES)))[:_MAX_PATTERNS]
    paths = [p for p in files.paths if any(_fits(p, pattern) for pattern in patterns)]
    return paths[:_MAX_POINTERS]


def report_submodules(files: RepositoryFiles, spec: RunSpec, found: Inspection) -> None:
    """Name them: their folders are empty unless they are asked for."""
    commits = files.snapshot.submodules
    parts = find_submodules(spec.repo_url, commits, files.text(GITMODULES))
    found.submodules = tuple(SubmoduleInfo(**vars(part)) for part in parts[:100])
    if not parts:
        return
    names = _listed([part.path for part in parts])
    broken = [part for part in parts if part.problem]
    if not spec.submodules:
        found.warn(
            "submodules",
            f"Submodules are not fetched, their folders stay empty: {names}.",
            "Switch submodules on if the script needs them.",
            "submodules",
        )
    elif broken:
        found.warn(
            "submodule_unreachable",
            f"The submodule {broken[0].path} cannot be fetched: {broken[0].problem}.",
            "The run will fail; switch submodules off if the script can do without.",
            "submodules",
        )
    else:
        found.ok("submodules", f"Submodules are fetched too: {names}.")


def report_lfs(files: RepositoryFiles, spec: RunSpec, found: Inspection) -> None:
    """Name the files that are only pointers, with their size: their content comes only if asked for."""
    parsed = (parse_pointer(p, files.content(p) or b"") for p in pointer_candidates(files))
    pointers = [pointer for pointer in parsed if pointer]
    if not pointers:
        return
    size = f"{sum(pointer.size_bytes for pointer in pointers) / 1e6:.1f} MB"
    names = _listed([pointer.path for pointer in pointers])
    if spec.lfs:
        found.ok("lfs_pointers", f"Files in Git LFS are fetched too ({size}): {names}.")
    else:
        found.warn(
            "lfs_pointers",
            f"Kept in Git LFS and not fetched ({size}): {names}.",
            "The script finds short text files in their place; switch Git LFS on if it needs them.",
            "lfs",
        )


def _lfs_patterns(text: str) -> Iterator[str]:
    for line in text.splitlines():
        pattern, *attributes = line.split() or [""]
        if "filter=lfs" in attributes and len(pattern) < 200:
            yield pattern


def _fits(path: str, pattern: str) -> bool:
    """Nearly as git matches: a pattern without a slash fits in every folder."""
    name = path if "/" in pattern else path.rsplit("/", 1)[-1]
    return fnmatch.fnmatchcase(name, pattern.lstrip("/").replace("**/", "*"))


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
