"""Another attempt of the same run without being asked, by the run's own rules."""

from __future__ import annotations

import time

from repo_runner.models import Failure, RunSpec
from repo_runner.quantity import format_seconds
from repo_runner.settings import Settings
from repo_runner.store import Store
from repo_runner.store_queue import MAX_RETRY_WAIT_S, QueueStore
from repo_runner.tables import RunRow


def try_again(store: Store, row: RunRow, failure: Failure, settings: Settings) -> bool:
    """Queue the next attempt where the rules allow it; False where the run ends. A stop in between wins."""
    rules = RunSpec.model_validate(row.spec).retries
    if failure.error_code not in rules.error_codes or row.retries_used >= rules.times:
        return False
    wait_s = min(settings.retry_after_s * 2.0**row.retries_used, MAX_RETRY_WAIT_S)
    note = (
        f"Attempt {row.attempt} failed ({failure.error_code}): {failure.message} It is tried again in "
        f"{format_seconds(wait_s)}, retry {row.retries_used + 1} of {rules.times}."
    )
    return QueueStore(store).try_again(row.run_id, retry_at=time.time() + wait_s, note=note)
