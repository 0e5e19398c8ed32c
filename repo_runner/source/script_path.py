"""A script's path: one of the repository's own files, reached through no link."""

from __future__ import annotations

import stat
from pathlib import Path, PurePosixPath

from repo_runner.errors import InvalidInput, ScriptNotFound


def check_script_name(script_path: str) -> PurePosixPath:
    """The path, if its text will do: relative, downwards, a Python file.

    Raises InvalidInput (field `script_path`).
    """
    path = PurePosixPath(script_path)
    if not script_path or "\0" in script_path:
        raise _invalid("Name the script to run.")
    if path.is_absolute() or ".." in path.parts:
        raise _invalid("The script's path must stay inside the repository.")
    if path.suffix != ".py":
        raise _invalid(f"{path.name[:80]!r} is not a Python file (.py).")
    return path


def check_script(destination: Path, script_path: str) -> Path:
    """The script's real path in a work tree.

    Raises ScriptNotFound, InvalidInput (field `script_path`).
    """
    place = destination.resolve(strict=True)
    for part in check_script_name(script_path).parts:
        place = place / part
        mode = _mode(place, script_path)
        if stat.S_ISLNK(mode):
            raise _invalid(f"{part[:80]!r} is a symbolic link; name the file itself.")
    if not stat.S_ISREG(mode):
        raise _invalid(f"{script_path[:200]!r} is not a regular file.")
    return place


def _mode(place: Path, script_path: str) -> int:
    try:
        return place.lstat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        message = f"{script_path[:200]!r} does not exist at this commit."
        raise ScriptNotFound(message, field="script_path") from None


def _invalid(message: str) -> InvalidInput:
    return InvalidInput(message, field="script_path")
