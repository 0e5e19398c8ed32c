"""Metric series arranged into charts: train and validation of one metric belong together."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from repo_runner.models import MetricSeries, Run
from ui.widgets.component import mount, nothing

#: How the parts of a data set are called in metric names, and the order of their lines (colour, dash).
_SPLITS = {"train": 0, "training": 0, "val": 1, "valid": 1, "validation": 1, "test": 2}
_SPLIT = re.compile(rf"^({'|'.join(_SPLITS)})[_/ .-]+(.+)$|^(.+?)[_/ .-]+({'|'.join(_SPLITS)})$")
_INTERVAL = re.compile(r"_(step|epoch)$")

#: Logged by Lightning itself as the abscissa of others.
_NOT_A_CURVE = {"epoch", "step"}
MAX_CHARTS = 24


@dataclass(frozen=True)
class Zoomed:
    """Curves of a stretch, more finely: between two numbers of values, as the element has asked."""

    after: int
    upto: int
    series: tuple[MetricSeries, ...]


def show_curves(
    run: Run,
    series: Sequence[MetricSeries],
    zoomed: Zoomed | None = None,
    on_zoom: Callable[[list[int]], None] = nothing,
) -> None:
    """Show the live curves of a run; `on_zoom` hears the stretch (after, upto) a person wants finely."""
    start = min((one.points[0].timestamp for one in series if one.points), default=0.0)
    fine = None
    if zoomed:
        lines = {one.name: line_of(one, "", 0, 0, start) for one in zoomed.series}
        fine = {"range": [zoomed.after, zoomed.upto], "lines": lines}
    data = {"groups": groups_of(run, series, start), "fine": fine, "empty": _empty(run)}
    mount("rr-curves", data, key="curves", on_event={"zoom": on_zoom})


def groups_of(run: Run, series: Iterable[MetricSeries], start: float = 0.0) -> list[dict[str, Any]]:
    """Return the charts: the one with the monitored metric first, then losses, then the rest by name."""
    groups: dict[str, list[MetricSeries]] = {}
    for one in series:
        if is_curve(one):
            groups.setdefault(split_name(one.name)[0], []).append(one)
    chief = split_name(run.monitor)[0] if run.monitor else None
    order = sorted(groups, key=lambda name: (name != chief, "loss" not in name, name))
    return [_group(name, groups[name], run, start) for name in order[:MAX_CHARTS]]


def is_curve(series: MetricSeries) -> bool:
    """Whether there is something to draw."""
    return bool(series.points) and series.name not in _NOT_A_CURVE


def split_name(name: str) -> tuple[str, str, str]:
    """Split `train_loss_step` into its metric, part of the data and interval: `loss`, `train`, `step`."""
    interval = _INTERVAL.search(name)
    stem = name[: interval.start()] if interval else name
    match = _SPLIT.match(stem)
    metric, split = stem, ""
    if match:
        split, metric = (match[1], match[2]) if match[1] else (match[4], match[3])
    return metric, split, interval[1] if interval else ""


def line_of(
    series: MetricSeries, label: str, color: int, dash: int, start: float = 0.0
) -> dict[str, Any]:
    """Return one line as plain arrays; a value that is not a number leaves a gap. Times count from `start`."""
    points = series.points
    start = start or points[0].timestamp
    return {
        "name": series.name,
        "label": label,
        "color": color,
        "dash": dash,
        "steps": [point.step for point in points],
        "epochs": [point.epoch for point in points],
        "times": [round(point.timestamp - start, 2) for point in points],
        "values": [_rounded(point.value) for point in points],
        # By these the element asks for more of them; of a short curve there are no more.
        "numbers": [point.number for point in points] if series.total > len(points) else [],
        "broken": series.broken,
        "total": series.total,
    }


def best_point(series: MetricSeries, mode: str) -> dict[str, float] | None:
    """Return the step and value of the best point, the first of equals, as ModelCheckpoint keeps it."""
    finite = [(point.value, point.step) for point in series.points if point.value is not None]
    if not finite:
        return None
    sign = -1 if mode == "max" else 1
    value, step = min(finite, key=lambda pair: (sign * pair[0], pair[1]))
    return {"value": value, "step": step}


def _group(name: str, members: list[MetricSeries], run: Run, start: float) -> dict[str, Any]:
    ordered = sorted(members, key=lambda one: (_SPLITS.get(split_name(one.name)[1], 3), one.name))
    lines = []
    for index, one in enumerate(ordered):
        _, split, interval = split_name(one.name)
        label = " ".join(part for part in (split, f"per {interval}" if interval else "") if part)
        line = line_of(one, label or one.name, *_style(index, split, interval), start)
        if one.name == run.monitor and run.mode:
            line["best"] = best_point(one, run.mode)
        lines.append(line)
    return {"name": name, "lines": lines}


def _style(index: int, split: str, interval: str) -> tuple[int, int]:
    """Return colour and dash: a part of the data has its own, its values per step are dotted."""
    color = _SPLITS.get(split, index)
    return color, 2 if interval == "step" else color if split else 0


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.6g}")


def _empty(run: Run) -> dict[str, str]:
    if run.status.is_terminal:
        text = "The script logged none through PyTorch Lightning."
        return {"title": "This run has no metrics", "text": text}
    text = "Curves appear here with the first value the script logs."
    return {"title": "No metrics yet", "text": text}
