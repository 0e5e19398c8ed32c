"""Files of the operator that hold secrets: read only while nobody else may."""

from __future__ import annotations

import os
from pathlib import Path

from repo_runner.errors import InvalidInput


def read_private(path: Path, setting: str) -> str:
    """The file's text; raises InvalidInput naming the setting when others may read it or it is not there."""
    try:
        with path.open() as file:
            mode = os.fstat(file.fileno()).st_mode
            if mode & 0o077:
                raise InvalidInput(
                    f"Others may read {path}, which {setting} names.",
                    field=setting,
                    hint=f"chmod 600 {path}",
                )
            return file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(
            f"The file {path}, which {setting} names, cannot be read: {error}.",
            field=setting,
            hint="Create it with mode 0600, readable by the account that runs the app.",
        ) from error
