"""The lease and the identities in it: E3 and E8, and that looking at a lease never disturbs it."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from repo_runner import lease
from repo_runner.backends.local import LocalBackend
from repo_runner.lease import Lease
from repo_runner.paths import RunPaths
from repo_runner.process import ProcessIdentity
from repo_runner.settings import Settings


@pytest.fixture
def stranger() -> Iterator[ProcessIdentity]:
    """A process that is none of ours."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    identity = ProcessIdentity.of(child.pid)
    assert identity
    yield identity
    child.kill()
    child.wait()


@pytest.fixture
def paths(tmp_path: Path) -> RunPaths:
    (tmp_path / "run").mkdir()
    return RunPaths(tmp_path / "run")


@pytest.mark.parametrize(
    "change",
    [{"start_time": 1}, {"boot_id": "another boot"}],
    ids=["another start", "another boot"],
)
def test_E3_a_stranger_with_the_recorded_number_is_never_signalled(
    change: dict, stranger: ProcessIdentity, paths: RunPaths, settings: Settings
) -> None:
    recorded = replace(stranger, **change)
    assert not recorded.is_alive
    assert not recorded.signal(signal.SIGKILL)
    paths.lock.write_text(recorded.to_json())
    backend = LocalBackend(settings)
    assert not backend.is_alive(paths)
    backend.stop(paths)
    backend.clean_up(paths)
    assert stranger.is_alive


def test_E3_a_stranger_is_not_signalled_though_somebody_holds_the_lock(
    stranger: ProcessIdentity, paths: RunPaths, settings: Settings
) -> None:
    paths.lock.write_text(replace(stranger, start_time=1).to_json())
    with paths.lock.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        LocalBackend(settings).stop(paths)
    assert stranger.is_alive


def test_E8_a_lease_of_an_earlier_boot_is_free(paths: RunPaths) -> None:
    ours = ProcessIdentity.of(os.getpid())
    assert ours
    paths.lock.write_text(replace(ours, boot_id="an earlier boot").to_json())
    assert lease.holder(paths.lock) is None
    taken = Lease.take(paths.lock)
    assert taken
    assert lease.holder(paths.lock) == ours
    taken.release()


def test_who_only_looks_keeps_nobody_from_taking(paths: RunPaths) -> None:
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            lease.holder(paths.lock)

    looker = threading.Thread(target=look)
    looker.start()
    try:
        for _ in range(200):
            taken = Lease.take(paths.lock)
            assert taken
            assert lease.holder(paths.lock)
            assert Lease.take(paths.lock) is None
            taken.release()
    finally:
        done.set()
        looker.join()


def test_who_has_the_lock_and_has_not_yet_said_so_is_waited_for(paths: RunPaths) -> None:
    ours = ProcessIdentity.of(os.getpid())
    assert ours
    with paths.lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        timer = threading.Timer(0.2, lambda: paths.lock.write_text(ours.to_json()))
        timer.start()
        assert lease.holder(paths.lock) == ours
        timer.join()
