"""Run a command to its end, under a deadline and a cancel."""

from __future__ import annotations

import os
import selectors
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from repo_runner.errors import RunnerError
from repo_runner.process.child import Child, kill_group, start

_CHUNK_BYTES = 1 << 16


class ProcessTimeout(RunnerError):
    """A command took too long and was ended."""

    code = "timeout"


class ProcessCancelled(RunnerError):
    """A command was ended because the run was stopped."""

    code = "cancelled"


@dataclass(frozen=True)
class Completed:
    """How a command ended; `output` holds its last 64 KiB, stdout and stderr together."""

    exit_code: int
    output: str


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
