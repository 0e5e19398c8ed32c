"""Removes a run: its folder and its rows, whatever of it is missing; never what somebody uses."""

from __future__ import annotations

import contextlib
import fcntl
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from repo_runner import lease
from repo_runner.backends.choose import backend_of
from repo_runner.disk import remove_tree
from repo_runner.errors import Conflict, RunNotFound
from repo_runner.models import RunSpec, RunStatus
from repo_runner.paths import HomePaths, RunPaths
from repo_runner.recovery import deletion_folder
from repo_runner.settings import Settings
from repo_runner.store import Store
from repo_runner.token_vault import TokenVault

_RUN_ID = re.compile(r"\d{8}-\d{6}-[0-9a-f]{6}")


def delete(store: Store, settings: Settings, run_id: str) -> None:
    """Remove an ended run. Raises RunNotFound, and Conflict while it lives."""
    home = HomePaths(settings.home)
    spec = _ended(store, home, run_id)
    paths = home.run(run_id)
    if spec is not None:
        backend_of(settings, spec.backend).forget(paths)
    gone = deletion_folder(paths)
    # In this order: cut off anywhere, the next start of the app finishes it.
    if paths.root.exists():
        paths.root.rename(gone)
    if not store.remove(run_id):
        if gone.exists():
            gone.rename(paths.root)
        raise Conflict("The run was resumed a moment ago.", hint="Stop it first.")
    for ticket in spec.tickets if spec is not None else ():
        TokenVault(home.root).discard(ticket)
    if gone.exists():
        remove_tree(gone)


@contextmanager
def unused(paths: RunPaths) -> Iterator[bool]:
    """Whether nobody downloads any of its checkpoints; while this is held, nobody begins to."""
    with contextlib.ExitStack() as held:
        yield all(_is_free(file, held) for file in paths.checkpoints.glob("*"))


def _is_free(file: Path, held: contextlib.ExitStack) -> bool:
    """A download holds the file's lock, shared (see artifact.py)."""
    try:
        opened = held.enter_context(file.open("rb"))
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # gone, or nothing that could be downloaded
        return True
    return True


def _ended(store: Store, home: HomePaths, run_id: str) -> RunSpec | None:
    """What was asked of a run that has ended; a folder without rows is a run too."""
    try:
        row = store.get(run_id)
    except RunNotFound:
        paths = home.run(run_id)
        if not _RUN_ID.fullmatch(run_id) or not paths.root.is_dir():
            raise
        if lease.holder(paths.lock) is not None:
            raise Conflict("The run has not ended.", hint="Stop it first.") from None
        return None
    if not RunStatus(row.status).is_terminal:
        raise Conflict("The run has not ended.", hint="Stop it first.")
    return RunSpec.model_validate(row.spec)
