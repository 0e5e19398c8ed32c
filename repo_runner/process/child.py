"""Start a process of ours, wait for it, kill its group."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

import psutil

from repo_runner.errors import RunnerError
from repo_runner.process.marker import marks

#: A started process, for the types of those who hold one.
Child = subprocess.Popen[bytes]


class CommandMissing(RunnerError):
    """A program this app needs is not installed."""

    code = "program_missing"


def start(
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: Path | None = None,
    output: int | IO[bytes] = subprocess.PIPE,
    pass_fds: Sequence[int] = (),
) -> Child:
    """Start a command in a session of its own, stdout and stderr together into `output`."""
    try:
        return subprocess.Popen(
            list(argv),
            env={**env, **marks()},
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=pass_fds,
        )
    except FileNotFoundError as error:
        raise CommandMissing(f"The program {argv[0]} is not installed.") from error


def ended_within(child: Child, seconds: float) -> bool:
    """Wait for a process; whether it ended in that time. `Popen.wait` would wake up eighty times a second for that."""
    if child.poll() is not None:
        return True
    try:
        handle = os.pidfd_open(child.pid)
    except OSError:  # an older kernel, or no descriptor left
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(seconds)
    else:
        end = select.poll()  # not `select`, which knows no descriptor above 1023
        end.register(handle, select.POLLIN)
        end.poll(seconds * 1000)
        os.close(handle)
    return child.poll() is not None


def ask_to_end(child: Child, *, behind: int = 0) -> None:
    """SIGTERM to a command or, where so many launchers stand before it, to the oldest process behind them."""
    asked = psutil.Process(child.pid) if child.poll() is None else None
    with contextlib.suppress(psutil.Error, ValueError):  # it is ending, or has not begun
        for _ in range(behind):
            asked = asked and min(asked.children(), key=lambda p: p.create_time())
        if asked:
            asked.terminate()


def kill_group(child: Child) -> None:
    """Kill what is left of a command's group and collect it."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    if child.stdout:
        child.stdout.close()


def kill_first_when_short_of_memory(child: Child) -> None:
    """Let the kernel choose this process, or one it starts, before it chooses the supervisor or the app."""
    with contextlib.suppress(OSError):
        Path(f"/proc/{child.pid}/oom_score_adj").write_text("500")
