"""The state of the app itself."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from repo_runner.models.record import Record
from repo_runner.models.submission import SandboxLevel


class SandboxState(Record):
    """Whether this machine has a sandbox level."""

    level: SandboxLevel
    #: Why it cannot be had, and what to do; empty when it can.
    problem: str = ""


class Health(Record):
    """State of the app itself."""

    status: Literal["ok", "degraded"]
    version: str
    versions: dict[str, str]
    home: str
    address: str
    disk_free_bytes: int
    disk_total_bytes: int
    runs_by_status: dict[str, int]
    max_running: int
    started_at: datetime
    #: When the database was copied last; None: never, or it is a server's.
    last_backup_at: datetime | None = None
    problems: tuple[str, ...] = ()
    #: What a run gets that asks for no sandbox in particular.
    sandbox: SandboxLevel = "none"
    sandboxes: tuple[SandboxState, ...] = ()
    #: Whether each script gets a control group of its own.
    control_groups: bool = False
