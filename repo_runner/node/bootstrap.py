"""The first process of a job: makes sure of the supervisor's own environment, then becomes the courier.

Only the standard library, any Python from 3.8: this is all a node needs beside git. `uv` is taken from the PATH, or
installed; the environment is built once per set of requirements and shared by all runs of the node. What only building
needs is imported only for it: every run waits for this process.
"""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PYTHON = "3.11"


def main(arguments: list[str]) -> None:
    """Replace this process: by the courier, `RUN_ID ATTEMPT SHELF_URL`, or with a rank behind these, by a peer."""
    module = "repo_runner.node.peer" if len(arguments) > 3 else "repo_runner.node"
    home = node_home()
    python = make_environment(home, arguments[2])
    # What is ours must not reach the script; it gets an environment of its own.
    env = {**os.environ, "PYTHONPATH": str(ROOT), "REPO_RUNNER_HOME": str(home)}
    env["REPO_RUNNER_RAY_PYTHON"] = sys.executable
    os.execve(python, [str(python), "-m", module, *arguments], env)  # noqa: S606  no shell is meant


def node_home() -> Path:
    """Where a node keeps its runs and caches."""
    chosen = os.environ.get("REPO_RUNNER_NODE_HOME")
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(chosen) if chosen else base / "repo-runner-node"


def make_environment(home: Path, shelf_url: str) -> Path:
    """The Python that has what the supervisor needs."""
    locks = [ROOT / "requirements-node.lock"]
    if not shelf_url.startswith(("file:", "/")):
        locks.append(ROOT / "requirements-cloud.txt")
    content = "".join(lock.read_text() for lock in locks)
    folder = home / "supervisors"
    target = folder / hashlib.sha256((PYTHON + content).encode()).hexdigest()[:16]
    python = target / "bin" / "python"
    if not python.exists():
        _build_once(folder, target, locks)
    return python


def _build_once(folder: Path, target: Path, locks: list[Path]) -> None:
    import fcntl

    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.exists():
            _build(folder, target, locks)


def _build(folder: Path, target: Path, locks: list[Path]) -> None:
    import shutil

    uv, aside = _find_uv(folder), target.with_name(target.name + ".aside")
    shutil.rmtree(aside, ignore_errors=True)
    wanted = [word for lock in locks for word in ("-r", str(lock))]
    _run(uv, "venv", "--quiet", "--relocatable", "--python", PYTHON, str(aside))
    _run(
        uv, "pip", "install", "--quiet", "--compile-bytecode",
        "--python", str(aside / "bin" / "python"), *wanted,
    )  # fmt: skip
    aside.rename(target)


def _find_uv(folder: Path) -> str:
    import shutil

    found = shutil.which("uv")
    if found:
        return found
    tools = folder / "tools"
    uv = tools / "bin" / "uv"
    if not uv.exists():
        _run(sys.executable, "-m", "venv", "--clear", str(tools))
        _run(str(tools / "bin" / "python"), "-m", "pip", "install", "--quiet", "uv")
    return str(uv)


def _run(*argv: str) -> None:
    """Its words go to the job's log, where the app finds them if this fails."""
    import subprocess

    env = {n: v for n, v in os.environ.items() if n not in ("PYTHONPATH", "VIRTUAL_ENV")}
    subprocess.run(argv, check=True, env=env, stdin=subprocess.DEVNULL)


if __name__ == "__main__":
    main(sys.argv[1:])
