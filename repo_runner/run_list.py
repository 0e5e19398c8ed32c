"""One page of the runs in a chosen order; how long it takes does not depend on how many runs there are.

Pages go on from the last row's value and number, both in the index of the order, so a page far back costs what the
first one costs. Rows without the value (a run that has no score) come last, whichever way the order goes.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select, tuple_
from sqlalchemy.orm import Session

from repo_runner.errors import InvalidInput
from repo_runner.models import RunSpec
from repo_runner.tables import RunCountRow, RunRow, RunWordsRow

#: What runs can be ordered by beside their number; a minus sign in front turns the order around.
SORTS: dict[str, Any] = {
    "submitted": None,
    "name": func.lower(RunRow.name),
    "status": RunRow.status,
    "repository": RunRow.repository,
    "score": RunRow.best_model_score,
    "duration": RunRow.ended_at - RunRow.started_at,
}
NEWEST_FIRST = "-submitted"
#: Runs that match a search are counted up to here.
MOST_COUNTED = 1000


@dataclass(frozen=True)
class RunQuery:
    """Which runs are asked for, and in which order."""

    #: Statuses, separated by commas; empty: all.
    status: str = ""
    #: Words that name, id, commit, script or repository hold; `by:ada` for who submitted it.
    q: str = ""
    #: `owner/repository`, exactly.
    repository: str = ""
    sort: str = NEWEST_FIRST
    #: Where the page before ended.
    cursor: str = ""


@dataclass(frozen=True)
class RowPage:
    """One page of rows."""

    rows: Sequence[RunRow]
    next_cursor: str | None
    #: How many match in all, or MOST_COUNTED where there are more and a search was asked for.
    total: int
    is_total_exact: bool


def read_page(session: Session, query: RunQuery, limit: int) -> RowPage:
    """One page; raises InvalidInput for an order or a cursor that does not exist."""
    key, descending = _order(query.sort)
    start = _parse(query.cursor, query.sort)
    rows: list[RunRow] = []
    if key is not None and (start is None or start[0] is not None):
        rows += _rows(session, query, _Part((key, RunRow.number), descending, start), limit)
        start = None
    if len(rows) < limit:
        numbers = _Part((RunRow.number,), descending, start and start[1:], without=key)
        rows += _rows(session, query, numbers, limit - len(rows))
    total, exact = _total(session, query)
    more = _cursor(session, rows[-1], key, query.sort) if len(rows) == limit else None
    return RowPage(rows, more, total, exact)


def search_words(run_id: str, spec: RunSpec) -> str:
    """What a run is searched by."""
    words = [run_id, spec.name, spec.repo_url, spec.commit_sha, spec.script_path]
    if spec.submitted_by:
        words.append(f"by:{spec.submitted_by}")
    return " ".join(words).lower()


def repository_of(repo_url: str) -> str:
    """`owner/repository` of an address."""
    path = repo_url.partition("://")[2].partition("/")[2]
    return path.strip("/").removesuffix(".git")


@dataclass(frozen=True)
class _Part:
    """Those rows that have the value of the order, or those without it, from a place on."""

    columns: tuple[Any, ...]
    descending: bool
    start: tuple[Any, ...] | None
    without: Any | None = None

    def narrow(self, rows: Select[tuple[RunRow]]) -> Select[tuple[RunRow]]:
        """Only these rows, in order."""
        if self.without is not None:
            rows = rows.where(self.without.is_(None))
        if len(self.columns) > 1:
            rows = rows.where(self.columns[0].is_not(None))
        if self.start is not None:
            here, there = tuple_(*self.columns), tuple_(*self.start)
            rows = rows.where(here < there if self.descending else here > there)
        return rows.order_by(*(c.desc() if self.descending else c.asc() for c in self.columns))


def _rows(session: Session, query: RunQuery, part: _Part, limit: int) -> list[RunRow]:
    rows = part.narrow(select(RunRow).where(*_matching(query)))
    return list(session.scalars(rows.limit(limit)))


def _matching(query: RunQuery) -> list[ColumnElement[bool]]:
    matching: list[ColumnElement[bool]] = []
    if query.status:
        matching.append(RunRow.status.in_(query.status.split(",")))
    if query.repository:
        matching.append(RunRow.repository == query.repository)
    if words := query.q.lower().split():
        hold = (RunWordsRow.words.contains(word, autoescape=True) for word in words)
        matching.append(RunRow.number.in_(select(RunWordsRow.number).where(*hold)))
    return matching


def _total(session: Session, query: RunQuery) -> tuple[int, bool]:
    """From the counters; runs that match a search are looked at, but not all of them."""
    if query.q or query.repository:
        found = select(RunRow.number).where(*_matching(query)).limit(MOST_COUNTED + 1)
        count = session.scalar(select(func.count()).select_from(found.subquery())) or 0
        return min(count, MOST_COUNTED), count <= MOST_COUNTED
    counted = select(func.sum(RunCountRow.count))
    if query.status:
        counted = counted.where(RunCountRow.status.in_(query.status.split(",")))
    return int(session.scalar(counted) or 0), True


def _order(sort: str) -> tuple[Any, bool]:
    name = sort.removeprefix("-")
    if name not in SORTS:
        known = ", ".join(SORTS)
        raise InvalidInput(
            f"Runs cannot be sorted by {name!r}.",
            field="sort",
            hint=f"Choose one of {known}; a minus sign in front turns the order around.",
        )
    return SORTS[name], sort.startswith("-")


def _cursor(session: Session, row: RunRow, key: Any | None, sort: str) -> str:
    """The order is part of it: a page of one order does not go on in another."""
    value = None
    if key is not None:
        value = session.scalar(select(key).where(RunRow.number == row.number))
    return base64.urlsafe_b64encode(json.dumps([sort, value, row.number]).encode()).decode()


def _parse(cursor: str, sort: str) -> tuple[Any, int] | None:
    if not cursor:
        return None
    try:
        known, value, number = json.loads(base64.urlsafe_b64decode(cursor))
    except (ValueError, TypeError):
        known, value, number = None, None, None
    if known == sort and isinstance(number, int) and isinstance(value, str | float | int | None):
        return value, number
    raise InvalidInput(
        "The cursor is not one this app gave for this order.",
        field="cursor",
        hint="Leave it out for the first page.",
    )
