"""How a run ends: the one place that decides a terminal status."""

from __future__ import annotations

import signal
from enum import StrEnum
from typing import Any

from repo_runner.models import Failure, Record, RunStatus


class ExitCause(StrEnum):
    """What ended an attempt, told apart."""

    #: The script ended by itself, with an exit code.
    CODE = "code"
    #: A signal nobody of this app sent.
    SIGNAL = "signal"
    #: The kernel, or the script itself, found no memory left.
    OUT_OF_MEMORY = "out_of_memory"
    #: A step took longer than the operator allows.
    TIMEOUT = "timeout"
    #: The script reached a limit of its run.
    LIMIT = "limit"
    #: The disk was full.
    DISK = "disk"
    #: A person's request.
    STOPPED = "stopped"
    #: A step before the script failed.
    ERROR = "error"
    #: The supervisor was killed, or the machine was restarted.
    LOST = "lost"


class ExitRecord(Record):
    """`exit.json`: the true end of an attempt, written last by its supervisor."""

    attempt: int
    #: Of the script; None when it never started or was ended by a signal.
    exit_code: int | None = None
    signal: int | None = None
    #: Whether the supervisor acted on a person's stop before the script had ended by itself.
    stopped: bool = False
    cause: ExitCause | None = None
    #: Why the attempt failed, as the supervisor saw it.
    failure: Failure | None = None
    ended_at: float
    #: From the supervisor's start to this end, by a clock that never jumps.
    duration_s: float | None = None


def decide(exit_record: ExitRecord, *, stop_requested: bool) -> tuple[RunStatus, Failure | None]:
    """The terminal status of an attempt, from intent and exit record.

    Never from the exit code alone: PyTorch Lightning exits 0 when SIGTERM ends it.
    """
    if exit_record.stopped and stop_requested:
        return RunStatus.STOPPED, None
    if exit_record.stopped and exit_record.cause in (None, ExitCause.STOPPED):
        return RunStatus.FAILED, STOPPED_ELSEWHERE
    if exit_record.failure is not None:
        return RunStatus.FAILED, exit_record.failure
    if exit_record.exit_code == 0:
        return RunStatus.SUCCEEDED, None
    return RunStatus.FAILED, Failure(
        error_code="script_failed", message=describe_exit(exit_record.model_dump())
    )


_CAUSES = {
    "out_of_memory": ExitCause.OUT_OF_MEMORY,
    "interrupted": ExitCause.SIGNAL,
    "script_killed": ExitCause.SIGNAL,
    "disk_full": ExitCause.DISK,
    "timeout": ExitCause.TIMEOUT,
    "clone_timeout": ExitCause.TIMEOUT,
    "build_timeout": ExitCause.TIMEOUT,
}


def cause_of(exit_code: int | None, *, stopped: bool, failure: Failure | None) -> ExitCause:
    """What ended the attempt, from how the script ended and what was found to be the reason."""
    if stopped:
        return ExitCause.STOPPED
    if failure is not None and failure.error_code.startswith("limit_"):
        return ExitCause.LIMIT
    if failure is not None and failure.error_code in _CAUSES:
        return _CAUSES[failure.error_code]
    return ExitCause.ERROR if exit_code is None else ExitCause.CODE


def describe_exit(exit_fields: dict[str, Any]) -> str:
    """One sentence for an exit code or a signal."""
    number = exit_fields.get("signal")
    if number:
        return f"The script was ended by signal {number} ({signal.Signals(number).name})."
    return f"The script ended with exit code {exit_fields.get('exit_code')}."


STOPPED_ELSEWHERE = Failure(
    error_code="stopped_elsewhere",
    message="The run was stopped where it ran, not through this app.",
    hint="Somebody stopped its job on the cluster. Resume the run, or run it again.",
)

SUPERVISOR_LOST = Failure(
    error_code="supervisor_lost",
    message="The process that supervised this run was killed, or the machine was restarted.",
    hint="What was finished is kept. Resume the run, or run it again.",
)
