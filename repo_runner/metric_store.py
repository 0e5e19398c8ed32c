"""Metrics in the store: every value, and above the values a pyramid of spans with their extremes.

A span is a full stretch of 8, 64, 512, … values of one metric. A curve of any length is read from the level that has
about as many extremes as are wanted, so that reading it costs the same for a thousand values and for a million.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from repo_runner.tables import MetricRow, SeriesRow, SpanRow
from repo_runner.thinning import thin

#: Values of one level that become one span of the next.
SPAN = 8
#: Names looked up at once: databases limit the variables of a statement.
_NAMES = 1000

#: A curve's values: (step, epoch, timestamp, value, text, number).
_POINT = (
    MetricRow.step,
    MetricRow.epoch,
    MetricRow.timestamp,
    MetricRow.value,
    MetricRow.text,
    MetricRow.number,
)
#: (first, number, low, low_number, high, high_number); one value is a span of itself.
Span = tuple[int, int, float | None, int, float | None, int]
_SPAN = (
    SpanRow.first,
    SpanRow.number,
    SpanRow.low,
    SpanRow.low_number,
    SpanRow.high,
    SpanRow.high_number,
)


@dataclass(frozen=True)
class Curve:
    """One metric, thinned."""

    name: str
    #: How many values it has, and how many of them are not finite.
    count: int
    broken: int
    points: Sequence[Any]


@dataclass(frozen=True)
class Stretch:
    """Which values are asked for: those after one place and up to another, in so many points at most."""

    after: int = 0
    upto: int | None = None
    max_points: int = 500


def add_values(session: Session, run_number: int, values: Sequence[Mapping[str, Any]]) -> None:
    """Store new values (name, step, epoch, timestamp, value, text) and the spans they complete."""
    numbered = enumerate(values, start=_last_number(session, run_number) + 1)
    by_name = sorted(((v["name"], n, v) for n, v in numbered), key=itemgetter(0, 1))
    known = _series(session, run_number, {name for name, *_ in by_name})
    rows: list[dict[str, Any]] = []
    spans: list[dict[str, Any]] = []
    for name, group in groupby(by_name, key=itemgetter(0)):
        series = known[name]
        mine = [_row(series, number, value) for _, number, value in group]
        spans.extend(_completed(session, series, mine))
        rows.extend(mine)
        series.count += len(mine)
        series.broken += sum(row["value"] is None for row in mine)
        series.last_number = mine[-1]["number"]
    session.execute(insert(MetricRow.__table__), rows)  # type: ignore[arg-type]  # a table, not any selectable
    if spans:
        session.execute(insert(SpanRow.__table__), spans)  # type: ignore[arg-type]  # the same


def read_curves(
    session: Session, run_number: int, names: Sequence[str], stretch: Stretch
) -> list[Curve]:
    """The curves of a run (all, or the named ones) that have values in the stretch, by name."""
    mine = select(SeriesRow).where(SeriesRow.run_number == run_number).order_by(SeriesRow.name)
    if names:
        mine = mine.where(SeriesRow.name.in_(names))
    found = session.scalars(mine.where(SeriesRow.last_number > stretch.after)).all()
    curves = [Curve(s.name, s.count, s.broken, _points(session, s, stretch)) for s in found]
    return [curve for curve in curves if curve.points]


def _points(session: Session, series: SeriesRow, stretch: Stretch) -> list[Any]:
    """No more than the series' row knows of: what is added meanwhile comes next time, for all curves alike."""
    upto = min(stretch.upto or series.last_number, series.last_number)
    reader = _Reader(session, series.series_id)
    level = _level(min(series.count, upto - stretch.after), stretch.max_points)
    while level and reader.spans(level, stretch.after, upto) * 2 < stretch.max_points:
        level -= 1
    points = reader.read(level, stretch.after, upto)
    if level:
        points = [*reader.edge(stretch.after, upto), *points]
        points = list({p.number: p for p in sorted(points, key=lambda p: p.number)}.values())
    return thin(points, stretch.max_points)


def _level(count: int, max_points: int) -> int:
    """The highest level whose spans, two points each, are as many points as are wanted."""
    level = 0
    while count // SPAN ** (level + 1) * 2 >= max_points:
        level += 1
    return level


class _Reader:
    """Reads one series."""

    def __init__(self, session: Session, series_id: int) -> None:
        self._session = session
        self._id = series_id

    def spans(self, level: int, after: int, upto: int) -> int:
        """How many full spans of a level lie within."""
        spans = select(func.count()).select_from(SpanRow).where(*self._within(level, after, upto))
        return self._session.scalar(spans) or 0

    def read(self, level: int, after: int, upto: int) -> list[Any]:
        """The extremes of a level's spans; before and after the full ones those of the levels below."""
        if level == 0:
            return self._values(after, upto)
        inside = select(func.min(SpanRow.first), func.max(SpanRow.number))
        first, last = self._session.execute(inside.where(*self._within(level, after, upto))).one()
        if first is None:
            return self.read(level - 1, after, upto)
        return [
            *self.read(level - 1, after, first - 1),
            *self._extremes(level, after, upto),
            *self.read(level - 1, last, upto),
        ]

    def edge(self, after: int, upto: int) -> Iterator[Any]:
        """The first and the last value."""
        for order in (MetricRow.number.asc(), MetricRow.number.desc()):
            ordered = select(*_POINT).where(*self._mine(after, upto)).order_by(order)
            yield from self._session.execute(ordered.limit(1)).all()

    def _values(self, after: int, upto: int) -> list[Any]:
        if after >= upto:
            return []
        mine = select(*_POINT).where(*self._mine(after, upto)).order_by(MetricRow.number)
        return list(self._session.execute(mine).all())

    def _extremes(self, level: int, after: int, upto: int) -> list[Any]:
        """The database looks the values up by their places."""
        extremes = MetricRow.number.in_((SpanRow.low_number, SpanRow.high_number))
        joined = select(*_POINT).join(
            SpanRow, (MetricRow.series_id == SpanRow.series_id) & extremes
        )
        return list(self._session.execute(joined.where(*self._within(level, after, upto))).all())

    def _mine(self, after: int, upto: int) -> tuple[Any, ...]:
        return (
            MetricRow.series_id == self._id,
            MetricRow.number > after,
            MetricRow.number <= upto,
        )

    def _within(self, level: int, after: int, upto: int) -> tuple[Any, ...]:
        return (
            SpanRow.series_id == self._id,
            SpanRow.level == level,
            SpanRow.first > after,
            SpanRow.number > after,  # follows from the line before, and is in the index
            SpanRow.number <= upto,
        )


def _last_number(session: Session, run_number: int) -> int:
    newest = select(func.max(SeriesRow.last_number)).where(SeriesRow.run_number == run_number)
    return session.scalar(newest) or 0


def _series(session: Session, run_number: int, names: set[str]) -> dict[str, SeriesRow]:
    """The series of these names, those that are new made now."""
    known: dict[str, SeriesRow] = {}
    wanted = sorted(names)
    for start in range(0, len(wanted), _NAMES):
        piece = SeriesRow.name.in_(wanted[start : start + _NAMES])
        mine = select(SeriesRow).where(SeriesRow.run_number == run_number, piece)
        known.update((series.name, series) for series in session.scalars(mine))
    for name in sorted(names - known.keys()):
        known[name] = SeriesRow(run_number=run_number, name=name, count=0, broken=0, last_number=0)
        session.add(known[name])
    session.flush()
    return known


def _row(series: SeriesRow, number: int, value: Mapping[str, Any]) -> dict[str, Any]:
    facts = {name: value[name] for name in ("step", "epoch", "timestamp", "value", "text")}
    return {"series_id": series.series_id, "number": number, **facts}


def _completed(
    session: Session, series: SeriesRow, rows: Sequence[Mapping[str, Any]]
) -> Iterator[dict[str, Any]]:
    """The spans of all levels that these values complete, with the help of the values before them."""
    fresh = [(n := r["number"], n, v := r["value"], n, v, n) for r in rows]
    level, count = 0, series.count
    while fresh:
        rest = count % SPAN
        if rest + len(fresh) < SPAN:
            return
        pieces = [*_newest(session, series, level, rest), *fresh]
        whole = len(pieces) - len(pieces) % SPAN
        fresh = [merge(pieces[i : i + SPAN]) for i in range(0, whole, SPAN)]
        level, count = level + 1, count // SPAN
        names = [column.key for column in _SPAN]
        for span in fresh:
            yield {
                "series_id": series.series_id,
                "level": level,
                **dict(zip(names, span, strict=True)),
            }


def _newest(session: Session, series: SeriesRow, level: int, count: int) -> list[Span]:
    """The newest stored spans of a level, oldest first."""
    if not count:
        return []
    if level == 0:
        values = select(MetricRow.number, MetricRow.value)
        values = values.where(MetricRow.series_id == series.series_id)
        newest = session.execute(values.order_by(MetricRow.number.desc()).limit(count)).all()
        return [(n, n, v, n, v, n) for n, v in reversed(newest)]
    mine = (SpanRow.series_id == series.series_id, SpanRow.level == level)
    spans = select(*_SPAN).where(*mine).order_by(SpanRow.number.desc()).limit(count)
    return [(s[0], s[1], s[2], s[3], s[4], s[5]) for s in reversed(session.execute(spans).all())]


def merge(pieces: Sequence[Span]) -> Span:
    """One span of several: of equal extremes the first."""
    lows: Iterable[Span] = [p for p in pieces if p[2] is not None] or pieces[:1]
    low = min(lows, key=itemgetter(2))
    high = max(lows, key=itemgetter(4))
    return (pieces[0][0], pieces[-1][1], low[2], low[3], high[4], high[5])
