"""Start, follow and stop processes and their trees: the only user of `subprocess` and of signals to others.

A process is identified by pid, start time and boot id, never by pid alone, so that a reused pid is never signalled.
Everything starts from an argument list, with an explicit environment, in a session of its own, stdin from /dev/null.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import selectors
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

import psutil

from repo_runner.errors import RunnerError

#: Marks every process of a run, so that the ones that escaped the tree are found (GitHub runner's tracking id).
MARKER = "REPO_RUNNER_RUN_ID"

#: A started process, for the types of those who hold one.
Child = subprocess.Popen[bytes]

_CHUNK_BYTES = 1 << 16
_PR_SET_CHILD_SUBREAPER = 36
_PR_SET_PDEATHSIG = 1

#: Set once by a supervisor, so that everything it starts carries its run's marker.
_marks: dict[str, str] = {}


class ProcessTimeout(RunnerError):
    """A command took too long and was ended."""

    code = "timeout"


class ProcessCancelled(RunnerError):
    """A command was ended because the run was stopped."""

    code = "cancelled"


class CommandMissing(RunnerError):
    """A program this app needs is not installed."""

    code = "program_missing"


@dataclass(frozen=True)
class ProcessIdentity:
    """One process of one boot of one machine."""

    pid: int
    start_time: int
    boot_id: str

    @classmethod
    def of(cls, pid: int) -> ProcessIdentity | None:
        """The identity of a live process, or None."""
        started = _start_time(pid)
        return None if started is None else cls(pid, started, boot_id())

    @property
    def is_alive(self) -> bool:
        """Whether this very process still runs (a zombie does not)."""
        return self.boot_id == boot_id() and _start_time(self.pid) == self.start_time

    def signal(self, number: int) -> bool:
        """Send a signal to this very process; False when it is gone."""
        if not self.is_alive:
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)
            return True
        return False

    def to_json(self) -> str:
        """One line of JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> ProcessIdentity | None:
        """The reverse of `to_json`; None for anything else."""
        try:
            return cls(**json.loads(text))
        except (ValueError, TypeError):
            return None


@dataclass(frozen=True)
class Completed:
    """How a command ended; `output` holds its last 64 KiB, stdout and stderr together."""

    exit_code: int
    output: str


def boot_id() -> str:
    """The kernel's id of this boot; the boot time where there is none."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return str(int(psutil.boot_time()))


def become_subreaper() -> None:
    """Make orphaned descendants our children, so that none can leave the tree (Linux; elsewhere nothing happens)."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def mark_children(run_id: str) -> None:
    """From now on everything this process starts carries the marker of this run."""
    _marks[MARKER] = run_id


def die_with_parent(parent_pid: int) -> None:
    """Ask the kernel to kill this process when its parent dies; end at once when that already happened."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent_pid:
        os._exit(1)


def run(
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: Path | None = None,
    timeout_s: float,
    cancel: threading.Event | None = None,
    on_line: Callable[[str], None] | None = None,
) -> Completed:
    """Run a command to its end, handing on its lines (split at newline and carriage return) as they come.

    Raises ProcessTimeout, ProcessCancelled (its whole group is killed first) and CommandMissing.
    """
    deadline = time.monotonic() + timeout_s
    child = start(argv, env=env, cwd=cwd)
    tail, lines = b"", _Lines(on_line)
    try:
        for chunk in _chunks(child):
            tail = (tail + chunk)[-_CHUNK_BYTES:]
            lines.feed(chunk)
            if cancel is not None and cancel.is_set():
                raise ProcessCancelled
            if time.monotonic() > deadline:
                raise ProcessTimeout(
                    f"{Path(argv[0]).name} took longer than {timeout_s:.0f} s and was ended."
                )
        lines.feed(b"\n")
        return Completed(child.wait(), tail.decode(errors="replace"))
    finally:
        kill_group(child)


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
            env={**env, **_marks},
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
    """Wait for a process; whether it ended in that time."""
    try:
        child.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def kill_group(child: Child) -> None:
    """Kill what is left of a command's group and collect it."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    if child.stdout:
        child.stdout.close()


def kill_tree(run_id: str) -> int:
    """Kill all descendants of this process and all that carry the run's marker, until two scans find nothing.

    For the run's supervisor. Returns how many were killed; children born during a scan are caught by the next one.
    """
    return _kill_until_empty(
        lambda: _union(psutil.Process().children(recursive=True), marked(run_id))
    )


def kill_marked(run_id: str) -> int:
    """Kill all that carry the run's marker, until two scans find nothing: what a lost supervisor left behind."""
    return _kill_until_empty(lambda: marked(run_id))


def _kill_until_empty(scan: Callable[[], list[psutil.Process]]) -> int:
    killed = empty_scans = 0
    while empty_scans < 2:
        found = [p for p in scan() if _is_running(p)]
        empty_scans = 0 if found else empty_scans + 1
        for process in found:
            with contextlib.suppress(psutil.Error):
                process.kill()
                killed += 1
        psutil.wait_procs(found, timeout=2)
    return killed


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


class _Lines:
    """Hands on whole lines, however the reads cut them."""

    def __init__(self, on_line: Callable[[str], None] | None) -> None:
        self._on_line = on_line
        self._rest = b""

    def feed(self, chunk: bytes) -> None:
        if self._on_line is None:
            return
        *whole, self._rest = (self._rest + chunk).replace(b"\r", b"\n").split(b"\n")
        for line in whole:
            if line.strip():
                self._on_line(line.decode(errors="replace"))


def _chunks(child: Child) -> Iterator[bytes]:
    """Output as it comes; an empty chunk at least every 0.1 s so that the caller can look at its clock."""
    assert child.stdout is not None
    with selectors.DefaultSelector() as selector:
        selector.register(child.stdout, selectors.EVENT_READ)
        while True:
            if not selector.select(timeout=0.1):
                yield b""
                continue
            chunk = os.read(child.stdout.fileno(), _CHUNK_BYTES)
            if not chunk:
                return
            yield chunk


def _start_time(pid: int) -> int | None:
    """Field 22 of /proc/<pid>/stat (clock ticks after boot); None for a dead process or a zombie."""
    try:
        after_name = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
        return None if after_name[0] == b"Z" else int(after_name[19])
    except FileNotFoundError:
        return _portable_start_time(pid)
    except (OSError, IndexError, ValueError):
        return None


def _portable_start_time(pid: int) -> int | None:
    if Path("/proc/self/stat").exists():
        return None
    with contextlib.suppress(psutil.Error):
        return int(psutil.Process(pid).create_time() * 100)
    return None


def _prctl(option: int, value: int) -> None:
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)
