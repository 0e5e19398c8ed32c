"""Follows a run's curves for one session: asks only for what is new, and keeps what a chart can show."""

from __future__ import annotations

import streamlit as st

from repo_runner.models import MetricSeries
from repo_runner.thinning import thin
from ui.connection import client
from ui.widgets.charts import Zoomed

#: More would not be seen on a chart of this width.
MAX_POINTS = 400


class CurveReader:
    """The curves of one run."""

    def __init__(self, run_id: str) -> None:
        self.run_id = run_id
        self._series: dict[str, MetricSeries] = {}
        self._newest = 0
        self._zoomed: Zoomed | None = None

    def read(self) -> None:
        """Take in what was logged since the last time; raises `RunnerError`."""
        fresh = client().metrics(self.run_id, max_points=MAX_POINTS, after=self._newest)
        for series in fresh:
            known = self._series.get(series.name)
            self._series[series.name] = _continued(known, series) if known else series
            self._newest = max(self._newest, series.points[-1].number)

    def series(self) -> tuple[MetricSeries, ...]:
        """Return the curves so far, by name."""
        return tuple(self._series[name] for name in sorted(self._series))

    def zoomed(self, stretch: list[int] | None) -> Zoomed | None:
        """Return the curves of a stretch (after, upto), read once; what it will still grow by is in `series`."""
        if not stretch:
            self._zoomed = None
        elif self._zoomed is None or [self._zoomed.after, self._zoomed.upto] != stretch:
            after, upto = stretch
            fine = client().metrics(self.run_id, max_points=2 * MAX_POINTS, after=after, upto=upto)
            self._zoomed = Zoomed(after, upto, fine)
        return self._zoomed


def curves_of(run_id: str) -> CurveReader:
    """Return this session's reader of a run's curves; it has one at a time."""
    reader: CurveReader | None = st.session_state.get("curve_reader")
    if reader is None or reader.run_id != run_id:
        reader = CurveReader(run_id)
        st.session_state["curve_reader"] = reader
        st.session_state.pop("zoom", None)
    return reader


def _continued(known: MetricSeries, fresh: MetricSeries) -> MetricSeries:
    """Thinned anew only when it has grown to twice of what is shown, so that most updates add to its end."""
    points = (*known.points, *fresh.points)
    if len(points) > 2 * MAX_POINTS:
        points = tuple(thin(points, MAX_POINTS))
    return fresh.model_copy(update={"points": points})
