"""Kill every process of a run: below us, or carrying its marker."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable

import psutil

from repo_runner.process.scan import Seen, below, carrying

#: So long is killed in vain before we give up: what another person owns, or what hangs in the kernel, stays.
_PATIENCE_S = 30.0
_KERNEL_S = 2.0


def kill_tree(run_id: str) -> list[int]:
    """Kill all descendants of this process and all that carry the run's marker, until two scans find nothing.

    For the run's supervisor. Children born during a scan are caught by the next one. Returns what cannot be killed.
    """
    return _kill_until_empty(lambda: [*below(os.getpid()), *carrying(run_id)])


def kill_marked(run_id: str) -> list[int]:
    """Kill all that carry the run's marker, until two scans find nothing: what a lost supervisor left behind."""
    return _kill_until_empty(lambda: carrying(run_id))


def marked(run_id: str) -> list[int]:
    """The pids of live processes that carry the marker of this run, ourselves not among them."""
    return [one.pid for one in carrying(run_id)]


def bury_adopted(keep: int) -> None:
    """Collect the ended orphans this process has adopted; the child `keep` is left to those who wait for it."""
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.Error, ChildProcessError):
            if child.pid != keep and child.status() == psutil.STATUS_ZOMBIE:
                os.waitpid(child.pid, os.WNOHANG)


def _kill_until_empty(scan: Callable[[], list[Seen]]) -> list[int]:
    deadline = time.monotonic() + _PATIENCE_S
    empty_scans = 0
    while empty_scans < 2:
        found = scan()
        empty_scans = 0 if found else empty_scans + 1
        if found and time.monotonic() > deadline:
            return [one.pid for one in found]
        _kill_groups(found)
        for one in found:
            one.identity.signal(signal.SIGKILL)
        _wait_for_end(found)
    return []


def _kill_groups(found: list[Seen]) -> None:
    """Who forks and ends faster than we look is still in its group, and a group is killed all at once.

    A group's number stays taken while anybody is in it, so no stranger can have got it a moment after the scan.
    """
    for group in {one.group for one in found} - {0, os.getpgrp()}:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)


def _wait_for_end(found: list[Seen]) -> None:
    """A killed process ends when the kernel gets to it; there is no event for those that are not our children."""
    deadline = time.monotonic() + _KERNEL_S
    while any(one.identity.is_alive for one in found) and time.monotonic() < deadline:
        time.sleep(0.01)
