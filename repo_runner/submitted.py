"""Stores a submission: first in the run's folder, so that no database is needed to know of it, then in the store."""

from __future__ import annotations

import errno
import json
import secrets
import time

from repo_runner.app_file import write_private
from repo_runner.disk import remove_tree
from repo_runner.errors import DiskFull, FolderReadOnly, RunnerError
from repo_runner.models import RunSpec
from repo_runner.paths import HomePaths, RunPaths
from repo_runner.store import Store


def store(
    store: Store,
    home: HomePaths,
    spec: RunSpec,
    idempotency_key: str | None = None,
    max_waiting: int | None = None,
) -> str:
    """The id of the new run, or of the one that was submitted with this key; when this raises, nothing is left of it.

    Raises DiskFull, FolderReadOnly, QueueFull when so many wait already, StoreUnavailable.
    """
    run_id = _new_run_id()
    paths = home.run(run_id)
    try:
        _write(paths, spec, idempotency_key)
        stored = store.add(run_id, spec, idempotency_key, max_waiting)
    except OSError as error:
        remove_tree(paths.root)
        raise _refusal(error) from error
    except RunnerError:
        remove_tree(paths.root)
        raise
    if stored != run_id:
        remove_tree(paths.root)
    return stored


def _write(paths: RunPaths, spec: RunSpec, idempotency_key: str | None) -> None:
    """`spec.json` last: a folder without it is no run."""
    paths.root.mkdir(parents=True, mode=0o700)
    if idempotency_key:
        write_private(paths.submission, json.dumps({"idempotency_key": idempotency_key}))
    write_private(paths.spec, spec.model_dump_json(indent=2))


def _refusal(error: OSError) -> RunnerError:
    if error.errno == errno.EROFS:
        return FolderReadOnly()
    return DiskFull(f"The run cannot be stored: {error.strerror}.")


def _new_run_id() -> str:
    """Sorts by time, reads well, and is safe as a file name: `20261122-184921-9f3c1a`."""
    return f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{secrets.token_hex(3)}"
