"""One attempt as a Ray job: its name, what is submitted, and what Ray's word on its end means for the run."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from typing import Any

from repo_runner.backends.base import Attempt
from repo_runner.backends.ray_jobs import JobInfo
from repo_runner.models import Failure, Resources, RunSpec
from repo_runner.settings import Settings

_AGAIN = "What was finished is kept. Resume the run, or run it again."
#: Longer than the ladder of a stop, so that Ray does not kill what is saving.
_STOP_MARGIN_S = 30


def job_name(run_id: str, attempt: int) -> str:
    """Ray's submission id; the same attempt twice is one job."""
    return f"{run_id}-{attempt}"


def submission(
    run_id: str, spec: RunSpec, attempt: Attempt, package_uri: str, settings: Settings
) -> dict[str, Any]:
    """What the Jobs API is sent: readable by anybody who sees the dashboard, so nothing of the run's own is in it."""
    # Without `site` and what lies in its folders: the standard library is all this one needs.
    words = ["python", "-I", "-S", "repo_runner/node/bootstrap.py", run_id, str(attempt.number)]
    grace = int(settings.stop_grace_s) + _STOP_MARGIN_S
    return {
        "submission_id": job_name(run_id, attempt.number),
        "entrypoint": shlex.join([*words, settings.shelf_url]),
        "runtime_env": {
            "working_dir": package_uri,
            "env_vars": {"RAY_JOB_STOP_WAIT_TIME_S": str(grace)},
        },
        "metadata": {"run_id": run_id, "attempt": str(attempt.number), "name": spec.name[:200]},
        **_placement(spec.resources),
    }


def _placement(asked: Resources) -> dict[str, Any]:
    """What Ray is to hold for the entrypoint; of several nodes this is the first."""
    wanted = {
        "entrypoint_num_cpus": asked.cpus or 1,
        "entrypoint_num_gpus": asked.gpus,
        "entrypoint_memory": asked.memory_bytes,
        "entrypoint_resources": dict(asked.custom) or None,
        "entrypoint_label_selector": dict(asked.labels) or None,
    }
    return {name: value for name, value in wanted.items() if value is not None}


def unreachable(seconds: float) -> Failure:
    """The cluster did not answer for too long."""
    return Failure(
        error_code="cluster_lost",
        message=f"The Ray cluster has not answered for {seconds:.0f} seconds.",
        hint=f"If it is still there, its job may still be running. {_AGAIN}",
    )


FORGOTTEN = Failure(
    error_code="cluster_restarted",
    message="The Ray cluster no longer knows this run: its head node was lost or restarted.",
    hint=_AGAIN,
)

NEVER_SUBMITTED = Failure(
    error_code="cluster_refused",
    message="The Ray cluster did not take this run.",
    hint="Correct what the lines say, then resume the run.",
)


def lost(info: JobInfo, lines: Sequence[str]) -> Failure:
    """Why a job ended without a word of its supervisor."""
    said = tuple([*_plain(info.message)[-5:], *lines][-15:])
    if info.error_type == "JOB_SUPERVISOR_ACTOR_START_TIMEOUT":
        return Failure(
            error_code="no_room",
            message="The Ray cluster found no room for this run in the time it allows.",
            hint="Ask for less, add nodes, or raise RAY_JOB_START_TIMEOUT_SECONDS on the cluster.",
            lines=said,
        )
    if info.error_type == "JOB_SUPERVISOR_ACTOR_UNSCHEDULABLE":
        return Failure(
            error_code="no_room",
            message="No node of the Ray cluster can ever hold this run.",
            hint="Compare what the run asks for with the cluster's nodes on the System page.",
            lines=said,
        )
    if info.error_type in ("RUNTIME_ENV_SETUP_FAILURE", "JOB_ENTRYPOINT_COMMAND_ERROR"):
        return Failure(
            error_code="node_setup_failed",
            message="The supervisor could not start on the node.",
            hint="A node needs Python, git, and a package index or wheels for the supervisor's own environment.",
            lines=said,
        )
    return Failure(
        error_code="node_lost",
        message="The node this run was on has left the Ray cluster.",
        hint=_AGAIN,
        lines=said,
    )


def _plain(text: str) -> list[str]:
    text = re.sub(r"\x1b\[[0-9;]*m", "", text)
    return [line.rstrip()[:500] for line in text.splitlines() if line.strip()]
