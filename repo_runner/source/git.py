"""Run git through GitPython, under watch: deadline, cancel, quota, progress. Its only user."""

from __future__ import annotations

import os
import selectors
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from repo_runner.errors import FetchTimeout, QuotaExceeded
from repo_runner.process import Child, CommandMissing, ProcessCancelled, kill_group, marks
from repo_runner.settings import inherited_names
from repo_runner.source.credentials import Masking
from repo_runner.source.failure import failure_of

if TYPE_CHECKING:
    from git.cmd import Git

_CHUNK_BYTES = 1 << 16
_TICK_S = 0.1


def _accept() -> None:
    """No quota."""


def _ignore(_line: str) -> None:
    """Nobody listens."""


@dataclass(frozen=True)
class Watch:
    """What ends a piece of work with git early, and who hears what git says meanwhile."""

    timeout_s: float
    cancel: threading.Event | None = None
    #: Called ten times a second; raises to end the command.
    check: Callable[[], None] = _accept
    #: Every line git writes for people.
    on_line: Callable[[str], None] = _ignore
    max_output_bytes: int = 1 << 28
    started_at: float = field(default_factory=time.monotonic)

    def tick(self, output_bytes: int = 0) -> None:
        """Raises ProcessCancelled, FetchTimeout, QuotaExceeded, or what `check` raises."""
        if self.cancel is not None and self.cancel.is_set():
            raise ProcessCancelled
        if time.monotonic() - self.started_at > self.timeout_s:
            raise FetchTimeout
        if output_bytes > self.max_output_bytes:
            raise QuotaExceeded(f"It is longer than {self.max_output_bytes} bytes.")
        self.check()


@dataclass(frozen=True)
class GitCommand:
    """One git command: its words, its whole environment, what it reads."""

    arguments: Sequence[str]
    env: Mapping[str, str]
    cwd: Path
    stdin: bytes = b""
    #: Open files it holds on to, so that a lock lives as long as the last process that needs it.
    pass_fds: tuple[int, ...] = ()

    def run(self, watch: Watch) -> bytes:
        """Run it to its end; returns its output.

        Raises what git's words mean (see `failure_of`), and what `watch` raises.
        """
        with tempfile.TemporaryFile() as stdin:
            stdin.write(self.stdin)
            stdin.seek(0)
            # GitPython ends the process when this handle is forgotten.
            handle = self._start(stdin)
            child = handle.proc
            assert child is not None
            assert child.stderr is not None
            try:
                mask = Masking(self.env)
                output, said = _communicate(child, watch, mask)
                exit_code = child.wait()
            finally:
                kill_group(child)
                child.stderr.close()
        if exit_code:
            raise failure_of(mask(said.decode(errors="replace")), exit_code)
        return output

    def _start(self, stdin: BinaryIO) -> Git.AutoInterrupt:
        try:
            # Late: it takes 35 ms and starts git, which the run of a known commit need not await.
            from git.cmd import Git
        except ImportError as error:
            raise CommandMissing("The program git is not installed.") from error
        return Git(self.cwd).execute(
            self._words(),
            istream=stdin,
            env=self._whole_env,
            as_process=True,
            start_new_session=True,
            pass_fds=self.pass_fds,
        )

    @property
    def _whole_env(self) -> dict[str, str]:
        """With the marker of the run it works for, so that it is found when its supervisor is lost."""
        return {**self.env, **marks()}

    def _words(self) -> list[str]:
        """GitPython lays `env` over our own environment; what must not reach git is taken out."""
        foreign = sorted(inherited_names() - self._whole_env.keys())
        return ["env", *(word for name in foreign for word in ("-u", name)), "git", *self.arguments]


def _communicate(child: Child, watch: Watch, mask: Masking) -> tuple[bytes, bytes]:
    """Collect what the command writes until it closes both its outputs."""
    output, said = bytearray(), bytearray()
    with selectors.DefaultSelector() as selector:
        for pipe, collected in ((child.stdout, output), (child.stderr, said)):
            assert pipe is not None
            selector.register(pipe, selectors.EVENT_READ, collected)
        while selector.get_map():
            for key, _ in selector.select(timeout=_TICK_S):
                chunk = os.read(key.fd, _CHUNK_BYTES)
                key.data.extend(chunk)
                if key.data is said:
                    _hear(said, chunk, watch, mask)
                if not chunk:
                    selector.unregister(key.fileobj)
            watch.tick(len(output))
    return bytes(output), bytes(said)


def _hear(said: bytearray, chunk: bytes, watch: Watch, mask: Masking) -> None:
    del said[:-_CHUNK_BYTES]
    for line in chunk.replace(b"\r", b"\n").split(b"\n"):
        if line.strip():
            watch.on_line(mask(line.decode(errors="replace")))
