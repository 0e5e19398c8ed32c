"""What the page of a run shows at one moment."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from repo_runner.models import Checkpoint, MetricSeries, Run
from repo_runner.resources import ResourcePoint
from repo_runner.run_environment import RunEnvironment
from ui.connection import client
from ui.views.curve_reader import curves_of
from ui.views.run_log import load_log
from ui.widgets.charts import Zoomed
from ui.widgets.log_view import Log

#: More would not be seen on a chart of this width.
MAX_MOMENTS = 200


@dataclass(frozen=True)
class Snapshot:
    """One moment of a run."""

    run: Run
    metrics: tuple[MetricSeries, ...]
    #: Of the stretch a person has zoomed into, more finely.
    zoomed: Zoomed | None
    checkpoints: tuple[Checkpoint, ...]
    resources: tuple[ResourcePoint, ...]
    environment: RunEnvironment
    log: Log


def load(run_id: str) -> Snapshot:
    """Ask the app. Raises `RunnerError`."""
    api = client()
    run = api.get(run_id)
    rest = (
        api.checkpoints(run_id),
        api.resources(run_id, max_points=MAX_MOMENTS),
        _environment(run),
        load_log(run),
    )
    # Last, for what is painted to be as new as it can be.
    curves = curves_of(run_id)
    curves.read()
    return Snapshot(run, curves.series(), curves.zoomed(st.session_state.get("zoom")), *rest)


def _environment(run: Run) -> RunEnvironment:
    """What an attempt's environment is changes only when it is built, and when the script starts in it."""
    now = (run.run_id, run.attempt, run.environment_key, run.has_probe, run.status)
    known, environment = st.session_state.get("environment_of", (None, RunEnvironment()))
    if known != now:
        environment = client().environment(run.run_id) if run.environment_key else RunEnvironment()
        st.session_state["environment_of"] = (now, environment)
    return environment
