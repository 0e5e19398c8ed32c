"""What an environment is built from: a value, made by the readers of each kind of file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from repo_runner.errors import InvalidRequirement


@dataclass(frozen=True)
class DependencyPlan:
    """All paths are relative to the checkout, so that they hold for a copy of it too."""

    #: Folder of the uv.lock that is honoured.
    lock: str | None = None
    #: Files handed to the installer: requirements files, or a pyproject.toml that is no package.
    requirement_files: tuple[str, ...] = ()
    #: Folders installed as editable packages.
    packages: tuple[str, ...] = ()
    #: Requirement lines: the pip part of an environment.yml, the defaults, the extra ones.
    lines: tuple[str, ...] = ()
    #: Every file that was read, nested ones too.
    files: tuple[str, ...] = ()
    #: Python version or range the repository asks for.
    python: str = ""
    #: Whether this says what to install; a pyproject.toml without dependencies leaves that
    #: to the next file.
    declares: bool = True
    #: Whether installing builds something inside the repository's tree, which then has to be
    #: a copy.
    needs_tree: bool = False
    #: What could not be honoured, one sentence each.
    notes: tuple[str, ...] = ()


def inside(checkout: Path, path: str, named_by: str) -> str:
    """The path from the top of the checkout; InvalidRequirement when it leaves it or is missing."""
    top = checkout.resolve()
    target = (top / path).resolve()
    if not target.is_relative_to(top):
        raise InvalidRequirement(
            f"{named_by} names {path!r}, which is outside the repository.", hint=""
        )
    if not target.exists():
        raise InvalidRequirement(
            f"{named_by} names {path!r}, which is not in the repository.", hint=""
        )
    return "" if target == top else str(target.relative_to(top))


def read_text(checkout: Path, path: str) -> str:
    """A dependency file's text; refused when it is a link out of the repository or not UTF-8."""
    try:
        return (checkout.resolve() / inside(checkout, path, "The repository")).read_text(
            encoding="utf-8-sig"
        )
    except UnicodeDecodeError as error:
        raise InvalidRequirement(
            f"{path} is not text in UTF-8.", hint="Save the file as UTF-8."
        ) from error
