"""The store: runs, metrics, checkpoints, and the byte offset up to which each run's events are in it.

The only user of SQLAlchemy beside `tables` and the migrations. SQLite in WAL mode by default, PostgreSQL by URL. Every
write is one transaction; a terminal status is never overwritten, which each UPDATE states in its WHERE.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Update, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, sessionmaker

from repo_runner import sparkline
from repo_runner.clock import ticks_s
from repo_runner.engine import open_engine
from repo_runner.errors import QueueFull, RunNotFound
from repo_runner.metric_store import Curve, Stretch, add_values, read_curves
from repo_runner.models import RunPhase, RunSpec, RunStatus
from repo_runner.run_list import RowPage, RunQuery, read_page, repository_of, search_words
from repo_runner.tables import CheckpointRow, ResourceRow, RunCountRow, RunRow, RunWordsRow

_TERMINAL = [s.value for s in RunStatus if s.is_terminal]
#: What an attempt that has not begun knows.
NEVER_STARTED: dict[str, Any] = {
    "phase": RunPhase.QUEUED.value,
    "started_at": None,
    "ended_at": None,
    "stop_requested_at": None,
    "failure": None,
    "exit_code": None,
    "exit_signal": None,
    "exit_cause": None,
    "progress": None,
    "silent_since": None,
    "gpus": None,
    "started_ticks_s": None,
    "duration_s": None,
    "retry_at": None,
}


@dataclass
class Changes:
    """What a batch of events means for the store."""

    columns: dict[str, Any] = field(default_factory=dict)
    metrics: list[dict[str, Any]] = field(default_factory=list)
    resources: list[dict[str, Any]] = field(default_factory=list)
    #: All checkpoints the run folder holds now; None: unchanged.
    checkpoints: list[dict[str, Any]] | None = None


class Store:
    """One connection pool; safe to share between threads, not across a fork."""

    def __init__(self, url: str, *, goes_first: bool = False) -> None:
        self.engine = open_engine(url, goes_first=goes_first)
        self._writer = sessionmaker(
            self.engine.execution_options(writes=True), expire_on_commit=False
        )

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()

    def transaction(self) -> AbstractContextManager[Session]:
        """One that writes: committed at its end, undone by an exception."""
        return self._writer.begin()

    def add(
        self,
        run_id: str,
        spec: RunSpec,
        idempotency_key: str | None,
        max_waiting: int | None = None,
        created_at: float | None = None,
    ) -> str:
        """Store a new run durably; with a known idempotency key nothing is added. Returns the run's id.

        Raises QueueFull when so many wait already.
        """
        row = RunRow(
            run_id=run_id,
            idempotency_key=idempotency_key,
            spec=spec.model_dump(mode="json"),
            name=spec.name,
            status=RunStatus.PENDING.value,
            phase=RunPhase.QUEUED.value,
            created_at=created_at or time.time(),
            commit_sha=spec.commit_sha,
            priority=spec.priority,
            repository=repository_of(spec.repo_url),
        )
        words = search_words(run_id, spec)
        try:
            with self.transaction() as session:
                _check_room(session, max_waiting)
                session.add(row)
                session.flush()
                session.add(RunWordsRow(number=row.number, words=words))
            return run_id
        except IntegrityError:
            known = self.find_by_key(idempotency_key) if idempotency_key else None
            if known is None:
                raise
            return known

    def find_by_key(self, idempotency_key: str) -> str | None:
        """The run that was submitted with this key."""
        with Session(self.engine) as session:
            return session.scalar(
                select(RunRow.run_id).where(RunRow.idempotency_key == idempotency_key)
            )

    def get(self, run_id: str) -> RunRow:
        """One run; raises RunNotFound."""
        with Session(self.engine) as session:
            row = session.scalar(select(RunRow).where(RunRow.run_id == run_id))
        if row is None:
            raise RunNotFound(f"There is no run {run_id!r}.")
        return row

    def page(self, query: RunQuery, limit: int) -> RowPage:
        """One page of the runs that match; raises InvalidInput."""
        with Session(self.engine) as session:
            return read_page(session, query, limit)

    def counts(self) -> dict[str, int]:
        """How many runs have each status."""
        with Session(self.engine) as session:
            rows = session.execute(select(RunCountRow.status, RunCountRow.count))
            return {status: count for status, count in rows.tuples() if count}

    def checkpoints(self, number: int) -> list[dict[str, Any]]:
        """A run's checkpoints, as stored."""
        with Session(self.engine) as session:
            return list(
                session.scalars(
                    select(CheckpointRow.data).where(CheckpointRow.run_number == number)
                )
            )

    def curves(self, number: int, names: Sequence[str], stretch: Stretch) -> list[Curve]:
        """A run's metrics, thinned."""
        with Session(self.engine) as session:
            return read_curves(session, number, names, stretch)

    def resources(self, number: int) -> list[ResourceRow]:
        """What a run took of the machine, oldest first."""
        with Session(self.engine) as session:
            mine = select(ResourceRow).where(ResourceRow.run_number == number)
            return list(session.scalars(mine.order_by(ResourceRow.resource_id)))

    def request_stop(self, run_id: str) -> bool:
        """Store the intent to stop, once; False when the run has already ended."""
        changed = self._update(
            run_id, {"stop_requested_at": func.coalesce(RunRow.stop_requested_at, time.time())}
        )
        return changed == 1

    def request_resume(self, run_id: str) -> bool:
        """Queue a new attempt of an ended run; False when it has not ended."""
        with self.transaction() as session:
            again = {**NEVER_STARTED, "status": RunStatus.PENDING.value, "retries_used": 0}
            ended = (RunRow.run_id == run_id, RunRow.status.in_(_TERMINAL))
            return _changed(session, update(RunRow).where(*ended).values(**again)) == 1

    def begin(self, run_id: str) -> int:
        """Note that an attempt begins (before its supervisor is started) and return its number, from 1."""
        found = self.get(run_id)
        if found.status != RunStatus.PENDING.value:
            return found.attempt  # a hundred works that re-attach do not wait for one another
        with self.transaction() as session:
            row = session.scalars(select(RunRow).where(RunRow.run_id == run_id)).one()
            if row.status == RunStatus.PENDING.value:
                row.status = RunStatus.RUNNING.value
                row.started_at = row.started_at or time.time()
                row.started_ticks_s = ticks_s()
                row.retry_at = None
                row.attempt += 1
            return row.attempt

    def reopen(self, run_id: str, attempt: int, stop_requested_at: float | None) -> None:
        """Take up an attempt that this store does not know, because it is older than the run's folder."""
        columns = {**NEVER_STARTED, "status": RunStatus.RUNNING.value, "attempt": attempt}
        columns |= {"started_at": RunRow.created_at, "stop_requested_at": stop_requested_at}
        with self.transaction() as session:
            session.execute(update(RunRow).where(RunRow.run_id == run_id).values(**columns))

    def ended(self) -> list[tuple[str, float]]:
        """Ids of the runs that have ended, and when; the oldest first."""
        wanted = select(RunRow.run_id, func.coalesce(RunRow.ended_at, RunRow.created_at))
        with Session(self.engine) as session:
            rows = session.execute(wanted.where(RunRow.status.in_(_TERMINAL)))
            return sorted(rows.tuples().all(), key=lambda row: row[1])

    def may_go_on(self) -> list[str]:
        """Ids of the runs that have not succeeded: those that live, and those that could be resumed."""
        with Session(self.engine) as session:
            wanted = select(RunRow.run_id).where(RunRow.status != RunStatus.SUCCEEDED.value)
            return list(session.scalars(wanted))

    def attempts(self) -> dict[str, int]:
        """How many attempts each run has had."""
        with Session(self.engine) as session:
            return dict(session.execute(select(RunRow.run_id, RunRow.attempt)).tuples().all())

    def apply(self, run_id: str, *, offset: int, next_offset: int, changes: Changes) -> bool:
        """Store a batch of events and its offset in one transaction; False when somebody else already did."""
        with self.transaction() as session:
            mine = (RunRow.run_id == run_id, RunRow.events_offset == offset)
            columns = {"events_offset": next_offset, **changes.columns}
            advanced = update(RunRow).where(*mine).values(**columns).returning(RunRow.number)
            number = session.scalar(advanced)
            if number is None:
                return False
            self._add_rows(session, number, changes)
            if changes.metrics or "monitor" in changes.columns:
                row = session.get_one(RunRow, number)
                row.sparkline = _sparkline(session, row)
        return True

    def finish(self, run_id: str, **columns: Any) -> bool:
        """Write the terminal status, once."""
        return self._update(run_id, columns) == 1

    def remove(self, run_id: str) -> bool:
        """Delete a run and all that hangs on it; False when it has not ended (or was resumed a moment ago)."""
        with self.transaction() as session:
            unended = (RunRow.run_id == run_id, RunRow.status.not_in(_TERMINAL))
            if session.scalar(select(RunRow.number).where(*unended)) is not None:
                return False
            session.execute(delete(RunRow).where(RunRow.run_id == run_id))
        return True

    def _update(self, run_id: str, columns: dict[str, Any]) -> int:
        with self.transaction() as session:
            unended = (RunRow.run_id == run_id, RunRow.status.not_in(_TERMINAL))
            return _changed(session, update(RunRow).where(*unended).values(**columns))

    @staticmethod
    def _add_rows(session: Session, number: int, changes: Changes) -> None:
        if changes.metrics:
            add_values(session, number, changes.metrics)
        if changes.resources:
            session.execute(
                insert(ResourceRow), [{"run_number": number, **r} for r in changes.resources]
            )
        if changes.checkpoints is not None:
            session.execute(delete(CheckpointRow).where(CheckpointRow.run_number == number))
            for data in changes.checkpoints:
                session.add(CheckpointRow(run_number=number, name=data["name"], data=data))


def _sparkline(session: Session, row: RunRow) -> dict[str, Any] | None:
    name = sparkline.chosen(row.monitor, row.last_metrics)
    found = read_curves(session, row.number, [name or ""], Stretch(max_points=sparkline.POINTS))
    return sparkline.drawn(found[0].name, found[0].points) if found else None


def _check_room(session: Session, max_waiting: int | None) -> None:
    """In the transaction that adds, so that many submissions at once keep the limit too."""
    waits = RunRow.status == RunStatus.PENDING.value
    count = session.scalar(select(func.count()).select_from(RunRow).where(waits)) or 0
    if max_waiting is not None and count >= max_waiting:
        raise QueueFull(f"{max_waiting} runs wait already.")


def _changed(session: Session, statement: Update) -> int:
    result: Any = session.execute(statement)
    return int(result.rowcount)
