"""What a run takes of the machine over time: processor, memory, and the GPU where it uses one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from repo_runner.resources import ResourcePoint
from ui.widgets.component import mount

_GIGA = 1e9
#: Title, field, divisor, what the numbers mean.
_CHARTS = (
    ("CPU, %", "cpu_percent", 1.0, "100 is one core, busy all the time"),
    ("Memory, GB", "memory_bytes", _GIGA, "of all processes of the run"),
    ("GPU, %", "gpu_percent", 1.0, "of the busiest GPU the run uses"),
    ("GPU memory, GB", "gpu_memory_bytes", _GIGA, "of all processes of the run"),
)


def show_resources(points: Sequence[ResourcePoint]) -> None:
    """Show the charts as soon as there is something to draw."""
    charts = resource_charts(points)
    if charts:
        data = {"title": "Resources", "groups": charts, "controls": False, "axis": "time"}
        mount("rr-curves", data, key="resources")


def resource_charts(points: Sequence[ResourcePoint]) -> list[dict[str, Any]]:
    """Return one chart a figure that was ever measured; none before there are two moments to join."""
    if len(points) < 2:
        return []
    charts = (_chart(*chart, points) for chart in _CHARTS)
    return [chart for chart in charts if any(v is not None for v in chart["lines"][0]["values"])]


def _chart(
    title: str, field: str, divisor: float, note: str, points: Sequence[ResourcePoint]
) -> dict[str, Any]:
    values = [getattr(point, field) for point in points]
    known = [value for value in values if value is not None]
    line = {
        "name": title,
        "label": "now",
        "note": note,
        "color": 0,
        "dash": 0,
        "steps": list(range(len(points))),
        "epochs": [None] * len(points),
        "times": [round(point.timestamp - points[0].timestamp, 1) for point in points],
        "values": [None if value is None else float(f"{value / divisor:.4g}") for value in values],
        "broken": 0,
        "total": len(known),
    }
    return {"name": title, "lines": [line]}
