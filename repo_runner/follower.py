"""What a run's work does: start or re-attach the supervisor, ingest what it writes, hand it a stop, write the end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

from repo_runner import bell
from repo_runner.app_file import write_private
from repo_runner.backends.base import Attempt, BackendBase
from repo_runner.backends.choose import backend_of
from repo_runner.disk import is_passing
from repo_runner.errors import StoreUnavailable
from repo_runner.ingest import ingest
from repo_runner.lifecycle import SUPERVISOR_LOST, ExitCause, ExitRecord, decide
from repo_runner.models import Failure, RunSpec, RunStatus
from repo_runner.paths import HomePaths
from repo_runner.retrying import try_again
from repo_runner.run_view import summarize
from repo_runner.settings import Settings
from repo_runner.store import Store
from repo_runner.tables import RunRow

#: How often it is looked for news while they come, and once none has come for so long.
_LOOK_EVERY_S, _LOOK_IDLE_EVERY_S, _IDLE_AFTER_S = 0.05, 0.2, 2.0
#: What no file tells, the death of a supervisor, is noticed within this time.
_ALIVE_EVERY_S = 1.0
#: Nothing is known that would come without a sign; it would be seen within this time.
_PERIOD_S = 5.0
_SUMMARY_EVERY_S = 0.5
_AGAIN_AFTER_S = 1.0


class Follower:
    """Follows one run; may be killed anywhere and started again: all it knows is in the store and the folder."""

    def __init__(
        self,
        settings: Settings,
        run_id: str,
        on_summary: Callable[[str], None],
        *,
        with_probe: bool = True,
    ) -> None:
        self._settings = settings
        self._run_id = run_id
        self._with_probe = with_probe
        self._on_summary = on_summary
        home = HomePaths(settings.home)
        self._paths = home.run(run_id)
        self._bell = home.bell
        #: The run's own, once it is attached.
        self._backend: BackendBase = backend_of(settings, "local")
        self._summary = ""
        self._seen: tuple[object, ...] = ()
        self._summarized_at = 0.0
        #: Until the next step, if nothing happens.
        self._period_s = _PERIOD_S
        self._news_at = time.monotonic()

    def follow(self, closing: threading.Event) -> None:
        """Return when the run has ended, or when `closing` is set (the run then goes on without us)."""
        store = Store(self._settings.store_url)
        step = self._attach
        try:
            while True:
                try:
                    if step(store):
                        return
                    step = self._step
                except (StoreUnavailable, OSError) as error:
                    # The run goes on, and so do we as soon as there is room.
                    if isinstance(error, OSError) and not is_passing(error):
                        raise
                    if closing.wait(_AGAIN_AFTER_S):
                        return
                    continue
                if not self._wait_for_news(closing):
                    return
        finally:
            self._backend.close()
            store.close()

    def _attach(self, store: Store) -> bool:
        """See that the attempt has a supervisor."""
        spec = RunSpec.model_validate(store.get(self._run_id).spec)
        self._backend = backend_of(self._settings, spec.backend)
        attempt = store.begin(self._run_id)
        row = store.get(self._run_id)
        if RunStatus(row.status).is_terminal:
            return False
        self._put_away_earlier_attempt(attempt)
        if not self._paths.exit.exists() and not self._backend.was_started(self._paths):
            given = Attempt(attempt, self._with_probe, _gpus(row))
            self._backend.launch(self._paths, spec, given)
        return False

    def _put_away_earlier_attempt(self, attempt: int) -> None:
        """In this order, so that a crash in between is made good by doing it again."""
        record = self._exit_record()
        if record is not None and record.attempt < attempt:
            self._paths.lock.unlink(missing_ok=True)
            self._paths.stop.unlink(missing_ok=True)
            self._paths.exit.rename(self._paths.ended(record.attempt))

    def _step(self, store: Store) -> bool:
        """One look at the run folder; True when the run has ended."""
        self._seen = self._stamps()
        alive = self._backend.is_alive(self._paths)
        row = ingest(store, self._paths, self._run_id)
        self._period_s = _AGAIN_AFTER_S if row.stop_requested_at else _PERIOD_S
        self._publish(row)
        if RunStatus(row.status).is_terminal:
            return True
        if row.stop_requested_at:
            self._backend.stop(self._paths)
        if alive:
            return False
        return self._end(store, row)

    def _wait_for_news(self, closing: threading.Event) -> bool:
        """Until a file has changed, at most a period; False when we are to let go. Idle, it is a few stat calls."""
        began = alive_at = time.monotonic()
        while not closing.wait(self._look_every_s):
            now = time.monotonic()
            if self._stamps() != self._seen:
                self._news_at = now
                return True
            if now - began > self._period_s:
                return True
            if now - alive_at > _ALIVE_EVERY_S:
                alive_at = now
                if not self._backend.is_alive(self._paths):
                    return True
        return False

    @property
    def _look_every_s(self) -> float:
        is_idle = time.monotonic() - self._news_at > _IDLE_AFTER_S
        return _LOOK_IDLE_EVERY_S if is_idle else _LOOK_EVERY_S

    def _stamps(self) -> tuple[object, ...]:
        """Changes when there is something to do: an intent, events, output. Once the end is written, at every look."""
        if self._paths.exit.exists():
            return (object(),)
        paths = self._paths
        return (
            bell.revision(self._bell),
            *map(_stamp, (paths.events, paths.output, paths.build_log)),
        )

    def _end(self, store: Store, row: RunRow) -> bool:
        """The supervisor is gone: take its word from `exit.json`, or say that it was lost."""
        row = ingest(store, self._paths, self._run_id)
        record = self._exit_record() or self._close_lost(row.attempt)
        status, failure = decide(record, stop_requested=row.stop_requested_at is not None)
        if failure and try_again(store, self._paths, row, failure, self._settings):
            ingest(store, self._paths, self._run_id)
        else:
            self._finish(store, status, failure, record)
        bell.ring(self._bell)
        self._publish(store.get(self._run_id), now=True)
        return True

    def _close_lost(self, attempt: int) -> ExitRecord:
        """End the attempt in the supervisor's place, so that the folder tells it and the run can be resumed."""
        self._backend.clean_up(self._paths)
        record = ExitRecord(
            attempt=attempt, cause=ExitCause.LOST, failure=SUPERVISOR_LOST, ended_at=time.time()
        )
        write_private(self._paths.exit, record.model_dump_json())
        return record

    def _finish(
        self, store: Store, status: RunStatus, failure: Failure | None, record: ExitRecord
    ) -> None:
        store.finish(
            self._run_id,
            status=status.value,
            failure=failure.model_dump(mode="json") if failure else None,
            ended_at=record.ended_at,
            duration_s=record.duration_s,
            exit_cause=record.cause,
        )

    def _exit_record(self) -> ExitRecord | None:
        try:
            return ExitRecord.model_validate_json(self._paths.exit.read_text())
        except FileNotFoundError:
            return None

    def _publish(self, row: RunRow, *, now: bool = False) -> None:
        if not now and time.monotonic() - self._summarized_at < _SUMMARY_EVERY_S:
            self._period_s = _SUMMARY_EVERY_S
            return
        self._summarized_at = time.monotonic()
        summary = summarize(row, self._paths)
        if summary != self._summary:
            self._summary = summary
            self._on_summary(summary)


def _gpus(row: RunRow) -> tuple[str, ...] | None:
    return None if row.gpus is None else tuple(row.gpus)


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        info = path.stat()
    except FileNotFoundError:
        return None
    return info.st_mtime_ns, info.st_size
