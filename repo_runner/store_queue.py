"""The store as the queue sees it: who has started, who waits, in their order; small reads, however long the queue."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Integer, func, literal, or_, select, update
from sqlalchemy.orm import Session

from repo_runner.models import RunStatus
from repo_runner.run_queue import PLACES_PER_POINT
from repo_runner.store import NEVER_STARTED, Store
from repo_runner.tables import RunRow

_PENDING, _RUNNING = RunStatus.PENDING.value, RunStatus.RUNNING.value
#: No retry waits longer; one that seems to is due, because the clock was set back.
MAX_RETRY_WAIT_S = 3600.0

#: See run_queue.py.
_TURN = RunRow.number - PLACES_PER_POINT * RunRow.priority
_FACTS = (RunRow.run_id, RunRow.status, RunRow.spec, RunRow.gpus)


class QueueStore:
    """Reads and writes of the queue; each write is one transaction."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._engine = store.engine

    def started(self, following: Collection[str]) -> Sequence[Any]:
        """Runs that run, and those whose works are about to begin: (run_id, status, spec, gpus)."""
        mine = RunRow.status == _RUNNING
        begun = (RunRow.status == _PENDING) & RunRow.run_id.in_(list(following))
        with Session(self._engine) as session:
            return session.execute(
                select(*_FACTS).where(or_(mine, begun)).order_by(RunRow.number)
            ).all()

    def waiting(self, following: Collection[str], limit: int) -> Sequence[Any]:
        """The first ones in their order that may start now: (run_id, status, spec, gpus)."""
        now = time.time()
        is_due = or_(
            RunRow.retry_at.is_(None),
            RunRow.retry_at <= now,
            RunRow.retry_at > now + MAX_RETRY_WAIT_S,
        )
        asked = (
            select(*_FACTS)
            .where(RunRow.status == _PENDING, RunRow.stop_requested_at.is_(None), is_due)
            .where(RunRow.run_id.not_in(list(following)))
            .order_by(_TURN, RunRow.number)
            .limit(limit)
        )
        with Session(self._engine) as session:
            return session.execute(asked).all()

    def places(self) -> dict[str, int]:
        """The place of every waiting run, 1 = next."""
        asked = select(RunRow.run_id).where(RunRow.status == _PENDING)
        with Session(self._engine) as session:
            ids = session.scalars(asked.order_by(_TURN, RunRow.number))
            return {run_id: place for place, run_id in enumerate(ids, start=1)}

    def place(self, row: RunRow) -> int:
        """That of one waiting run."""
        turn = row.number - PLACES_PER_POINT * row.priority
        mine = literal(turn, Integer)
        before = or_(mine > _TURN, (mine == _TURN) & (RunRow.number < row.number))
        asked = select(func.count()).select_from(RunRow).where(RunRow.status == _PENDING, before)
        with Session(self._engine) as session:
            return (session.scalar(asked) or 0) + 1

    def count_waiting(self) -> int:
        """How many wait."""
        asked = select(func.count()).select_from(RunRow).where(RunRow.status == _PENDING)
        with Session(self._engine) as session:
            return session.scalar(asked) or 0

    def stop_unstarted(self) -> None:
        """A waiting run that was asked to stop has nothing to stop."""
        asked = (RunRow.status == _PENDING, RunRow.stop_requested_at.is_not(None))
        with Session(self._engine) as session:
            if session.scalar(select(RunRow.run_id).where(*asked).limit(1)) is None:
                return
        end = {"status": RunStatus.STOPPED.value, "ended_at": time.time(), "retry_at": None}
        with self._store.transaction() as writing:
            writing.execute(update(RunRow).where(*asked).values(**end))

    def admit(self, starts: Mapping[str, Sequence[str] | None]) -> None:
        """Let runs in, in this order, before their works begin, which do so side by side; with the GPUs each will hold.

        That moment is the run's start. None for GPUs that nobody counts.
        """
        if not starts:
            return
        with self._store.transaction() as session:
            for run_id, gpus in starts.items():
                mine = (RunRow.run_id == run_id, RunRow.status == _PENDING)
                given = {"gpus": None if gpus is None else list(gpus), "started_at": time.time()}
                session.execute(update(RunRow).where(*mine).values(**given))

    def try_again(self, run_id: str, *, retry_at: float) -> bool:
        """Queue another attempt of a failed one, unless a stop was asked for; the status never was terminal."""
        with self._store.transaction() as session:
            row = session.scalar(select(RunRow).where(RunRow.run_id == run_id))
            if row is None or row.status != _RUNNING or row.stop_requested_at is not None:
                return False
            for column, value in NEVER_STARTED.items():
                setattr(row, column, value)
            row.status = _PENDING
            row.retries_used += 1
            row.retry_at = retry_at
            return True
