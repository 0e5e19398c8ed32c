"""What a test must not leave: processes, listening ports, half-written files."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

#: Variable with this session's temporary folder, which marks all that it starts.
SESSION_FOLDER = "TEST_SESSION_FOLDER"

_PATIENCE_S = 5.0


@dataclass(frozen=True)
class Snapshot:
    """The processes and listeners of this machine that belong to us."""

    processes: frozenset[tuple[int, float]]

    @classmethod
    def take(cls) -> Snapshot:
        return cls(frozenset(_ours()))

    def assert_nothing_new(self, folder: Path | None) -> None:
        deadline = time.monotonic() + _PATIENCE_S
        while (new := self._new()) and time.monotonic() < deadline:
            psutil.wait_procs(new, timeout=0.2)
        assert not new, "left running: " + "; ".join(_describe(p) for p in new)
        halves = (
            [p for p in folder.rglob("*.partial*") if p.exists()]
            if folder and folder.exists()
            else []
        )
        assert not halves, f"left half-written: {halves}"

    def _new(self) -> list[psutil.Process]:
        return [p for key, p in _ours().items() if key not in self.processes]


def _ours() -> dict[tuple[int, float], psutil.Process]:
    """Live processes below this one, or marked as part of a run, or working on a test's folder."""
    found = {}
    for process in psutil.process_iter():
        try:
            if (
                process.pid != os.getpid()
                and process.status() != psutil.STATUS_ZOMBIE
                and _is_ours(process)
            ):
                found[process.pid, process.create_time()] = process
        except psutil.Error:
            continue
    return found


def _is_ours(process: psutil.Process) -> bool:
    """Started by this session (other sessions may run beside it), directly or as a part of one of its runs."""
    environ = process.environ()
    if "REPO_RUNNER_RUN_ID" in environ:
        return any(os.environ[SESSION_FOLDER] in value for value in environ.values())
    return environ.get(SESSION_FOLDER) == os.environ[SESSION_FOLDER]


def _describe(process: psutil.Process) -> str:
    try:
        ports = [c.laddr.port for c in process.connections("tcp") if c.status == psutil.CONN_LISTEN]
        return f"{process.pid} {' '.join(process.cmdline())[:200]} listening on {ports}"
    except psutil.Error:
        return str(process.pid)
