"""Brings the store up to the run folders, which are the truth: after a crash, a lost journal, a restored backup.

What a folder holds and the store does not know is taken in: runs, attempts, and how they ended. An intent that never
reached a folder (a resume that had not begun) is the only thing that is gone with a database.
"""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from repo_runner import lease
from repo_runner.events import read_batch
from repo_runner.ingest import ingest
from repo_runner.lifecycle import ExitRecord, decide
from repo_runner.models import RunSpec
from repo_runner.paths import HomePaths, RunPaths
from repo_runner.store import Store
from repo_runner.token_vault import TokenVault

_DELETED = ".deleted-"


@dataclass(frozen=True)
class Recovered:
    """What the store did not know."""

    #: Runs that were only on the disk.
    runs: tuple[str, ...] = ()
    #: Known runs of which the disk holds a later attempt.
    attempts: tuple[str, ...] = ()
    #: Known runs that have begun and have no folder any more.
    without_folder: tuple[str, ...] = ()


def deletion_folder(paths: RunPaths) -> Path:
    """Where a run's folder goes while it is deleted."""
    return paths.root.with_name(f"{_DELETED}{paths.run_id}")


def recover(store: Store, home: HomePaths) -> Recovered:
    """Finish deletions that were cut off, then take in what the store does not know; twice changes nothing more."""
    for folder in home.runs.glob(f"{_DELETED}*"):
        _finish_deletion(store, home, folder)
    known = store.attempts()
    _remove_unborn(home, known)
    folders = {path.parent.name: RunPaths(path.parent) for path in home.runs.glob("*/spec.json")}
    new = tuple(r for r in sorted(folders) if r not in known and _adopt(store, folders[r]))
    attempts = store.attempts()
    later = tuple(r for r in sorted(folders) if _catch_up(store, folders[r], attempts.get(r, 0)))
    lost = tuple(r for r, attempt in known.items() if attempt and not home.run(r).root.exists())
    return Recovered(new, tuple(r for r in later if r in known), lost)


def _finish_deletion(store: Store, home: HomePaths, folder: Path) -> None:
    run_id = folder.name.removeprefix(_DELETED)
    if not store.remove(run_id):
        folder.rename(home.run(run_id).root)
        return
    with contextlib.suppress(OSError, ValueError):
        for ticket in RunSpec.model_validate_json(RunPaths(folder).spec.read_text()).tickets:
            TokenVault(home.root).discard(ticket)
    shutil.rmtree(folder, ignore_errors=True)


def _remove_unborn(home: HomePaths, known: Collection[str]) -> None:
    """Folders of submissions that were cut off before their `spec.json` was there: nobody was told of them."""
    for folder in home.runs.iterdir():
        written = {path.name.removesuffix(".partial") for path in folder.glob("*")}
        if folder.name not in known and written <= {"submission.json"} | _half_a_spec(folder):
            shutil.rmtree(folder, ignore_errors=True)


def _half_a_spec(folder: Path) -> set[str]:
    return set() if RunPaths(folder).spec.exists() else {"spec.json"}


def _adopt(store: Store, paths: RunPaths) -> bool:
    """A folder whose `spec.json` cannot be read is left alone: it is none of ours."""
    try:
        spec = RunSpec.model_validate_json(paths.spec.read_text())
        created_at = paths.spec.stat().st_mtime
    except (OSError, ValueError):
        return False
    key = None
    with contextlib.suppress(OSError, ValueError, KeyError):
        key = json.loads(paths.submission.read_text())["idempotency_key"]
    return store.add(paths.run_id, spec, key, created_at=created_at) == paths.run_id


def _catch_up(store: Store, paths: RunPaths, attempt: int) -> bool:
    """Take up an attempt the store does not know, and its end if it has ended; else its work will follow it."""
    if not paths.lock.exists() and not paths.exit.exists():
        return False
    record = _exit_record(paths)
    newest = max(record.attempt if record else 0, _last_attempt(paths))
    if newest <= attempt:
        return False
    stop_requested_at = paths.stop.stat().st_mtime if paths.stop.exists() else None
    store.reopen(paths.run_id, newest, stop_requested_at)
    row = ingest(store, paths, paths.run_id)
    if record and record.attempt == newest and lease.holder(paths.lock) is None:
        status, failure = decide(record, stop_requested=row.stop_requested_at is not None)
        told = failure.model_dump(mode="json") if failure else None
        ended = {"ended_at": record.ended_at, "duration_s": record.duration_s}
        store.finish(paths.run_id, status=status.value, failure=told, **ended)
    return True


def _exit_record(paths: RunPaths) -> ExitRecord | None:
    with contextlib.suppress(OSError, ValueError):
        return ExitRecord.model_validate_json(paths.exit.read_text())
    return None


def _last_attempt(paths: RunPaths) -> int:
    newest, offset = 0, 0
    while (batch := read_batch(paths.events, offset)).next_offset > offset:
        told = (e.get("attempt") for e in batch.events if e.get("kind") == "attempt")
        newest = max([newest, *(n for n in told if isinstance(n, int))])
        offset = batch.next_offset
    return newest
