"""bubblewrap: a file system of its own, read-only but for a few folders, and processes that see only each other."""

from __future__ import annotations

import os
import shutil
from functools import lru_cache

from repo_runner import process
from repo_runner.errors import RunnerError
from repo_runner.sandbox.walls import Walls

_NAMESPACES = ("--unshare-all", "--share-net", "--die-with-parent", "--cap-drop", "ALL")
_ROOT = ("--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc")
_TRIAL_TIMEOUT_S = 10.0

#: Between us and the script: the one that waits for the sandbox, and the sandbox's first process.
LAUNCHERS = 2


def program() -> str | None:
    """Where it is installed."""
    return shutil.which("bwrap", path=os.defpath) or shutil.which("bwrap")


@lru_cache(maxsize=1)
def try_out(bwrap: str) -> None:
    """Make a sandbox once; raises RunnerError with bubblewrap's own words where this machine allows none."""
    done = process.run(
        [bwrap, *_NAMESPACES, *_ROOT, "true"],
        env={"PATH": os.defpath},
        timeout_s=_TRIAL_TIMEOUT_S,
    )
    if done.exit_code:
        raise RunnerError(done.output.strip()[-500:] or f"bwrap ended with {done.exit_code}")


def command(bwrap: str, walls: Walls, argv: list[str], cwd: str) -> list[str]:
    """The command that runs `argv` behind the walls."""
    hidden = str(walls.hidden)
    words = [bwrap, *_NAMESPACES, *_ROOT]
    words += ["--bind", str(walls.temporary), "/tmp"]  # noqa: S108  # the script's own
    words += ["--tmpfs", hidden]
    for path in walls.readable:
        words += ["--ro-bind-try", str(path), str(path)]
    for path in walls.writable:
        if path == walls.temporary:
            continue
        words += ["--bind-try", str(path), str(path)]
    for device in walls.gpus:
        words += ["--dev-bind-try", device, device]
    return [*words, "--remount-ro", hidden, "--chdir", cwd, "--", *argv]
