"""Several runs beside each other: their curves on common charts, and what they differ in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from repo_runner.models import MetricSeries, Run
from ui.widgets import formats
from ui.widgets.charts import MAX_CHARTS, best_point, is_curve, line_of
from ui.widgets.component import mount
from ui.widgets.facts import command_line
from ui.widgets.run_table import status_word

Curves = Sequence[tuple[Run, Sequence[MetricSeries]]]


def show_comparison(curves: Curves, on_open: Callable[[], None]) -> str | None:
    """Show the charts and the table; return the id of the run a person has opened."""
    empty = {"title": "No metrics in common", "text": "None of these runs has logged a metric."}
    mount("rr-curves", {"groups": shared_charts(curves), "empty": empty}, key="compare-curves")
    data = difference_data([run for run, _ in curves])
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


def difference_data(runs: Sequence[Run]) -> dict[str, Any]:
    """Return one row a property, those that differ first."""
    columns = [properties(run) for run in runs]
    names = list(dict.fromkeys(name for column in columns for name in column))
    rows = [_row(name, columns) for name in names]
    return {
        "runs": [_head(run, index) for index, run in enumerate(runs)],
        "rows": sorted(rows, key=lambda row: not row["differs"]),
    }


def properties(run: Run) -> dict[str, str]:
    """Return what runs are compared by, as text."""
    score = formats.number(run.best_model_score)
    return {
        f"Best {run.monitor or 'score'}": score,
        "Duration": formats.duration(run.duration_s),
        "Command": command_line(run.spec),
        "Repository": run.spec.repo_url,
        "Commit": formats.short_sha(run.commit_sha),
        "Requirements": ", ".join(run.spec.requirements),
        "Environment": (run.environment_key or "")[:12],
        **{name: formats.plain(value) for name, value in run.hparams.items()},
    }


def _row(name: str, columns: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    values = [column.get(name, "") for column in columns]
    return {"name": name, "values": values, "differs": len(set(values)) > 1}


def _head(run: Run, index: int) -> dict[str, Any]:
    return {"run_id": run.run_id, "name": run.name, "status": status_word(run), "color": index}
