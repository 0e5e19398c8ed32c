"""A process that goes on from what its parent has imported: what it has of the parent, and when it ends."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil

from repo_runner import process
from tests.waiting import wait_for

ROOT = Path(__file__).resolve().parents[2]

PARENT = """
import os, signal, sys
from pathlib import Path
from repo_runner import process

out = Path(sys.argv[1])

def follow():
    (out / "follower").write_text(str(os.getpid()))
    signal.pause()

def survive():
    (out / "survivor").write_text(str(os.getpid()))
    while os.read(theirs, 1):
        pass
    (out / "noticed").touch()

theirs, ours = os.pipe()
process.fork_survivor(survive, keep=theirs, output=out / "log")
process.fork(follow, env={}, output=out / "log")
signal.pause()
"""


def test_it_has_its_own_environment_session_and_words(tmp_path: Path) -> None:
    def work() -> None:
        os.write(1, f"{dict(os.environ)} {os.getsid(0) == os.getpid()}\n".encode())
        os.write(2, f"{os.read(0, 1)!r}\n".encode())

    child = process.fork(work, env={"ONLY": "this"}, output=tmp_path / "log")
    wait_for(lambda: child.ended_within(1), what="its end")
    assert (tmp_path / "log").read_text() == "{'ONLY': 'this'} True\nb''\n"
    assert child.ended_within(0), "It is asked as often as one likes."
    assert not psutil.pid_exists(child.pid)


def test_what_goes_wrong_in_it_is_in_its_words_and_nowhere_else(tmp_path: Path) -> None:
    def fail() -> None:
        sys.stderr = open(2, "w", closefd=False)  # noqa: SIM115  pytest's own is not descriptor 2
        raise ValueError("it went wrong")

    child = process.fork(fail, env={}, output=tmp_path / "log")
    wait_for(lambda: child.ended_within(1), what="its end")
    assert "ValueError: it went wrong" in (tmp_path / "log").read_text()


def test_it_dies_with_its_parent_and_a_survivor_notices_that(tmp_path: Path) -> None:
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(tmp_path)], env=env)
    names = ("follower", "survivor")
    wait_for(lambda: all((tmp_path / n).exists() for n in names), what="both", timeout_s=60)
    follower, survivor = (int((tmp_path / n).read_text()) for n in names)
    parent.kill()
    parent.wait()
    wait_for(lambda: not is_alive(follower), what="the end of the one")
    wait_for((tmp_path / "noticed").exists, what="the other's notice")
    wait_for(lambda: not is_alive(survivor), what="its end")


def is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
