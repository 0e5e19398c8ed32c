"""Find and kill every process of a run: below us, or carrying its marker."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable

import psutil

from repo_runner.process.marker import MARKER

#: So long is killed in vain before we give up: what another person owns, or what hangs in the kernel, stays.
_PATIENCE_S = 30.0


def kill_tree(run_id: str) -> list[psutil.Process]:
    """Kill all descendants of this process and all that carry the run's marker, until two scans find nothing.

    For the run's supervisor. Children born during a scan are caught by the next one. Returns what cannot be killed.
    """
    return _kill_until_empty(
        lambda: _union(psutil.Process().children(recursive=True), marked(run_id))
    )


def kill_marked(run_id: str) -> list[psutil.Process]:
    """Kill all that carry the run's marker, until two scans find nothing: what a lost supervisor left behind."""
    return _kill_until_empty(lambda: marked(run_id))


def _kill_until_empty(scan: Callable[[], list[psutil.Process]]) -> list[psutil.Process]:
    """All are halted before the first is killed, so that none of them starts another meanwhile."""
    deadline = time.monotonic() + _PATIENCE_S
    empty_scans = 0
    while empty_scans < 2:
        found = [p for p in scan() if _is_running(p)]
        empty_scans = 0 if found else empty_scans + 1
        for act in (psutil.Process.suspend, psutil.Process.kill):
            for process in found:
                with contextlib.suppress(psutil.Error):
                    act(process)
        _, left = psutil.wait_procs(found, timeout=2)
        if left and time.monotonic() > deadline:
            return list(left)
    return []


def _union(first: list[psutil.Process], second: list[psutil.Process]) -> list[psutil.Process]:
    return first + [p for p in second if p not in first]


def marked(run_id: str) -> list[psutil.Process]:
    """The live processes that carry the marker of this run, ourselves not among them."""
    return [p for p in psutil.process_iter() if p.pid != os.getpid() and _has_marker(p, run_id)]


def _is_running(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error):
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    return False


def _has_marker(process: psutil.Process, run_id: str) -> bool:
    with contextlib.suppress(psutil.Error, OSError):
        return process.environ().get(MARKER) == run_id
    return False


def bury_adopted(keep: int) -> None:
    """Collect the ended orphans this process has adopted; the child `keep` is left to those who wait for it."""
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.Error, ChildProcessError):
            if child.pid != keep and child.status() == psutil.STATUS_ZOMBIE:
                os.waitpid(child.pid, os.WNOHANG)
