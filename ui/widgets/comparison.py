"""Several runs beside each other: their curves on common charts, and below them what they differ in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from repo_runner.models import MetricSeries, Run
from repo_runner.run_environment import RunEnvironment
from ui.widgets.charts import MAX_CHARTS, best_point, is_curve, line_of
from ui.widgets.component import mount
from ui.widgets.differences import difference_data

Curves = Sequence[tuple[Run, Sequence[MetricSeries]]]


def show_comparison(
    curves: Curves, environments: Mapping[str, RunEnvironment], on_open: Callable[[str], None]
) -> str | None:
    """Show the charts and the table; return the id of the run a person has opened."""
    empty = {"title": "No metrics in common", "text": "None of these runs has logged a metric."}
    mount("rr-curves", {"groups": shared_charts(curves), "empty": empty}, key="compare-curves")
    data = difference_data([run for run, _ in curves], environments)
    opened = mount("rr-compare", data, key="differences", on_event={"open": on_open}).get("open")
    return str(opened) if opened else None


def shared_charts(curves: Curves) -> list[dict[str, Any]]:
    """Return one chart a metric, one line a run; monitored metrics first, then those that most runs have."""
    charts: dict[str, list[dict[str, Any]]] = {}
    for index, (run, series) in enumerate(curves):
        for one in filter(is_curve, series):
            line = line_of(one, run.name, index, index)
            line["name"] = f"{run.run_id} {one.name}"
            line["best"] = (
                best_point(one, run.mode) if run.mode and one.name == run.monitor else None
            )
            charts.setdefault(one.name, []).append(line)
    chief = {run.monitor for run, _ in curves}
    order = sorted(charts, key=lambda name: (name not in chief, -len(charts[name]), name))
    return [{"name": name, "lines": charts[name]} for name in order[:MAX_CHARTS]]
