"""The words of the product as values: what is submitted, what a run is, what it reports."""

from __future__ import annotations

from repo_runner.models.checkpoint import Checkpoint
from repo_runner.models.cluster import Cluster, ClusterNode, NodeResource
from repo_runner.models.failure import Failure
from repo_runner.models.health import Health, SandboxState
from repo_runner.models.limits import Limits, Resources, Retries
from repo_runner.models.log_search import LogMatch, LogSearch
from repo_runner.models.log_slice import LogSlice
from repo_runner.models.metrics import MetricPoint, MetricSeries, Sparkline
from repo_runner.models.preflight import (
    Finding,
    NamedRef,
    Preflight,
    ScriptArgument,
    ScriptKind,
    SubmoduleInfo,
)
from repo_runner.models.progress import OnProgress, Progress
from repo_runner.models.record import Record
from repo_runner.models.run import PhaseTime, Run, RunPage
from repo_runner.models.status import RunPhase, RunStatus
from repo_runner.models.submission import Backend, RunSpec, SandboxLevel, Submission

__all__ = [
    "Backend",
    "Checkpoint",
    "Cluster",
    "ClusterNode",
    "Failure",
    "Finding",
    "Health",
    "Limits",
    "LogMatch",
    "LogSearch",
    "LogSlice",
    "MetricPoint",
    "MetricSeries",
    "NamedRef",
    "NodeResource",
    "OnProgress",
    "PhaseTime",
    "Preflight",
    "Progress",
    "Record",
    "Resources",
    "Retries",
    "Run",
    "RunPage",
    "RunPhase",
    "RunSpec",
    "RunStatus",
    "SandboxLevel",
    "SandboxState",
    "ScriptArgument",
    "ScriptKind",
    "Sparkline",
    "Submission",
    "SubmoduleInfo",
]
