"""`python -m repo_runner restore`: for a data folder whose app does not run."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator

from repo_runner.client import Client
from repo_runner.paths import HomePaths
from repo_runner.settings import Settings


def add_restore_options(parser: argparse.ArgumentParser) -> None:
    """Which backup, or which there are."""
    parser.add_argument(
        "backup", nargs="?", default="", help="its name (default: the newest good one)"
    )
    parser.add_argument(
        "--list", action="store_true", help="name the backups, and whether they are sound"
    )


def restore(_client: Client, asked: argparse.Namespace) -> int:
    """Put a good backup in the place of a damaged database; the run folders bring it up to date."""
    settings = Settings.from_env()
    lines = _listed(settings) if asked.list else _restored(settings, asked.backup)
    sys.stdout.writelines(f"{line}\n" for line in lines)
    return 0


def _listed(settings: Settings) -> Iterator[str]:
    from repo_runner.backups import Backups, damage_of  # the command line starts without a database

    for path in Backups(HomePaths(settings.home).backups).all():
        yield f"{path.name}  {damage_of(path) or 'sound'}"


def _restored(settings: Settings, name: str) -> Iterator[str]:
    from repo_runner.restore import (
        restore as put_back,  # the command line starts without a database
    )

    done = put_back(settings, name)
    yield (
        f"Restored {done.backup.name}."
        if done.backup
        else "No good backup: the database is made anew."
    )
    yield f"The old database is kept in {done.put_aside}."
    found = done.recovered
    yield f"Taken from the run folders: {len(found.runs)} runs, {len(found.attempts)} later attempts."
    if found.without_folder:
        yield f"Without a folder any more: {', '.join(found.without_folder)}."
