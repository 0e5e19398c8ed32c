"""Another attempt of the same run without being asked, by the run's own rules."""

from __future__ import annotations

import time
from pathlib import Path

from repo_runner.events import EventWriter, newest_event
from repo_runner.models import Failure, Retries, RunSpec
from repo_runner.paths import RunPaths
from repo_runner.quantity import format_seconds
from repo_runner.settings import Settings
from repo_runner.store import Store
from repo_runner.store_queue import MAX_RETRY_WAIT_S, QueueStore
from repo_runner.tables import RunRow


def try_again(
    store: Store, paths: RunPaths, row: RunRow, failure: Failure, settings: Settings
) -> bool:
    """Queue the next attempt where the rules allow it; False where the run ends. A stop in between wins."""
    rules = RunSpec.model_validate(row.spec).retries
    if failure.error_code not in rules.error_codes or row.retries_used >= rules.times:
        return False
    wait_s = min(settings.retry_after_s * 2.0**row.retries_used, MAX_RETRY_WAIT_S)
    retry_at = _announced(paths.events, row.attempt)
    if retry_at is None:
        retry_at = _announce(paths.events, row, failure, rules, wait_s)
    return QueueStore(store).try_again(row.run_id, retry_at=retry_at)


def _announced(events: Path, attempt: int) -> float | None:
    """For when it was announced, by a follower that was killed before the store knew."""
    newest = newest_event(events) or {}
    is_it = newest.get("kind") == "retry" and newest.get("attempt") == attempt
    return float(newest["retry_at"]) if is_it else None


def _announce(events: Path, row: RunRow, failure: Failure, rules: Retries, wait_s: float) -> float:
    """In the run's stream, which is ours while no supervisor lives. Raises OSError while the disk is full."""
    retry, retry_at = row.retries_used + 1, time.time() + wait_s
    writer = EventWriter(events)
    writer.write(
        "retry",
        attempt=row.attempt,
        retry=retry,
        of=rules.times,
        error_code=failure.error_code,
        retry_at=retry_at,
        message=f"Attempt {row.attempt} failed ({failure.error_code}): {failure.message} It is tried again in "
        f"{format_seconds(wait_s)}, retry {retry} of {rules.times}.",
    )
    writer.close()
    return retry_at
