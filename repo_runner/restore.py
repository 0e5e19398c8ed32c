"""Puts a good backup in the place of a damaged database and brings it up to date from the run folders."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from repo_runner.app_file import AppFile
from repo_runner.backups import Backups, damage_of
from repo_runner.errors import InvalidInput, StoreDamaged
from repo_runner.manager import Manager
from repo_runner.paths import HomePaths
from repo_runner.recovery import Recovered
from repo_runner.settings import Settings


@dataclass(frozen=True)
class Restored:
    """What was done."""

    #: Which backup; None: there was no good one, and the store was made anew.
    backup: Path | None
    #: Where the old database is kept.
    put_aside: Path
    recovered: Recovered


def restore(settings: Settings, name: str = "") -> Restored:
    """Use the named backup, or the newest good one. Raises DataFolderBusy while the app runs."""
    database = settings.database_file
    if database is None:
        raise InvalidInput("The database is a server's; its operator restores it.")
    home = HomePaths(settings.home)
    with _app_kept_out(settings):
        backup = _chosen(Backups(home.backups), name)
        put_aside = _put_aside(database)
        if backup is not None:
            _put_in_place(backup, database)
        manager = Manager(settings)
        try:
            return Restored(backup, put_aside, manager.recover())
        finally:
            manager.close()


@contextmanager
def _app_kept_out(settings: Settings) -> Iterator[None]:
    claim = AppFile.claim(settings)
    try:
        yield
    finally:
        claim.release()


def _chosen(backups: Backups, name: str) -> Path | None:
    if not name:
        return next(backups.good(), None)
    backup = backups.named(name)
    if damage := damage_of(backup):
        raise StoreDamaged(f"The backup {name} is damaged: {damage}.", hint="Choose another one.")
    return backup


def _put_aside(database: Path) -> Path:
    """With its journal: nothing is thrown away."""
    folder = database.with_name(f"store-damaged-{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}")
    folder.mkdir(exist_ok=True, mode=0o700)
    for path in database.parent.glob(f"{database.name}*"):
        path.rename(folder / path.name)
    return folder


def _put_in_place(backup: Path, database: Path) -> None:
    partial = database.with_suffix(".partial")
    try:
        shutil.copyfile(backup, partial)
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        partial.chmod(0o600)
        partial.replace(database)
    finally:
        partial.unlink(missing_ok=True)
