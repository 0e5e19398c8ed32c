"""Go on twice: a process that starts from what this one has imported, in a tenth of the time of a new interpreter."""

from __future__ import annotations

import contextlib
import os
import select
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from repo_runner.process.kernel import die_with_parent


@dataclass
class Fork:
    """A child of this process that runs a function of ours."""

    pid: int
    _has_ended: bool = False

    def ended_within(self, seconds: float) -> bool:
        """Wait for it; whether it ended in that time."""
        if not self._has_ended:
            descriptor = os.pidfd_open(self.pid)
            try:
                ready, _, _ = select.select([descriptor], [], [], seconds)
            finally:
                os.close(descriptor)
            if ready:
                os.waitpid(self.pid, 0)
                self._has_ended = True
        return self._has_ended


def fork(work: Callable[[], None], *, env: Mapping[str, str], output: Path) -> Fork:
    """Run `work` in a session of its own, with this environment and its words in `output`; it dies with us.

    Nothing tells from outside what it was given: /proc shows the environment of this process. So it cannot be found by
    a run's marker, and the kernel has to end it.
    """
    parent = os.getpid()
    return _fork(lambda: die_with_parent(parent), work, env, output)


def fork_survivor(work: Callable[[], None], *, keep: int, output: Path) -> Fork:
    """The same for what outlives us: of our open files it has only `keep`, and its environment is empty."""
    return _fork(lambda: _close_all_but(keep), work, {}, output)


def _fork(
    prepare: Callable[[], None], work: Callable[[], None], env: Mapping[str, str], output: Path
) -> Fork:
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    pid = os.fork()
    if pid == 0:
        _go_on(prepare, work, env, output)
    return Fork(pid)


def _go_on(
    prepare: Callable[[], None], work: Callable[[], None], env: Mapping[str, str], output: Path
) -> NoReturn:
    """Never back into the caller's frames, whatever happens."""
    code = 1
    try:
        os.setsid()
        prepare()
        _redirect(output)
        os.environ.clear()
        os.environ.update(env)
        work()
        code = 0
    except BaseException:  # noqa: BLE001  the caller's handlers are not this process's
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _redirect(output: Path) -> None:
    null = os.open(os.devnull, os.O_RDONLY)
    log = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for source, target in ((null, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    for opened in (null, log):
        os.close(opened)


def _close_all_but(keep: int) -> None:
    for opened in [int(entry.name) for entry in Path("/proc/self/fd").iterdir()]:
        if opened not in (0, 1, 2, keep):
            with contextlib.suppress(OSError):  # the listing's own
                os.close(opened)
