"""Fetch submodules, each through its own mirror, after the repository itself and one level deep."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from repo_runner.errors import QuotaExceeded, RunnerError, SourceError
from repo_runner.models import OnProgress
from repo_runner.settings import Settings
from repo_runner.source.checkout import Tree
from repo_runner.source.git import Watch
from repo_runner.source.mirror import Contents, Mirror
from repo_runner.source.progress import FetchProgress
from repo_runner.source.quota import check_bytes, check_files
from repo_runner.source.remote import Remote
from repo_runner.source.submodules import MAX_SUBMODULES, Submodule

_STAGE = "submodules"


@dataclass(frozen=True)
class FetchedSubmodule:
    """A submodule whose commit is here as a whole."""

    path: str
    tree: Tree
    contents: Contents


def fetch_submodules(
    submodules: Sequence[Submodule],
    outer: Contents,
    settings: Settings,
    watch: Watch,
    on_progress: OnProgress,
) -> tuple[FetchedSubmodule, ...]:
    """Fetch them one after the other; together with the repository they keep to its quota.

    Raises SourceError for one that must not be fetched, and what fetching it raises, by its path.
    """
    if len(submodules) > MAX_SUBMODULES:
        raise QuotaExceeded(
            f"The repository has {len(submodules)} submodules; at most {MAX_SUBMODULES} are fetched."
        )
    fetched: list[FetchedSubmodule] = []
    for number, submodule in enumerate(submodules, start=1):
        place = f"{submodule.path} ({number} of {len(submodules)})"
        fetched.append(_fetch(submodule, place, settings, watch, on_progress))
        check_files(outer.files + sum(part.contents.files for part in fetched), settings)
        check_bytes(outer.bytes + sum(part.contents.bytes for part in fetched), settings)
    return tuple(fetched)


def _fetch(
    submodule: Submodule, place: str, settings: Settings, watch: Watch, on_progress: OnProgress
) -> FetchedSubmodule:
    path = submodule.path
    if submodule.problem:
        raise SourceError(f"The submodule {path} cannot be fetched: {submodule.problem}.", hint="")

    def tell(_stage: str, _fraction: float | None, message: str) -> None:
        on_progress(_STAGE, None, f"{place}: {message}")

    tell(_STAGE, None, "asking the host")
    try:
        mirror = Remote(submodule.repo_url, settings).mirror
        contents = _complete(mirror, submodule, replace(watch, on_line=FetchProgress(tell).hear))
    except RunnerError as error:
        error.message = f"The submodule {path} cannot be fetched. {error.message}"
        error.args = (error.message,)
        raise
    tell(_STAGE, None, f"{contents.files} files, {contents.bytes / 1e6:.1f} MB")
    tree = Tree(submodule.repo_url, submodule.commit_sha, mirror.path)
    return FetchedSubmodule(path, tree, contents)


def _complete(mirror: Mirror, submodule: Submodule, watch: Watch) -> Contents:
    return mirror.known(submodule.commit_sha) or mirror.complete(submodule.commit_sha, watch)
