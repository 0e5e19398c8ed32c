"""The local backend: the supervisor is a detached process on this machine."""

from __future__ import annotations

import shutil
import signal
import sys
import time

from repo_runner import lease, process, reserve, run_group, sandbox
from repo_runner.app_file import write_private
from repo_runner.backends.base import GPUS, WITHOUT_PROBE, Attempt
from repo_runner.models import RunSpec
from repo_runner.paths import RunPaths
from repo_runner.settings import Settings


class LocalBackend:
    """Starts `python -m repo_runner.supervise RUN_DIR` in a session of its own, so that it outlives the app."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._children: list[process.Child] = []

    def launch(self, paths: RunPaths, spec: RunSpec, attempt: Attempt) -> None:
        """Write the run folder's `spec.json` and start the supervisor; a second one ends at once by the lease."""
        paths.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not paths.spec.exists():
            write_private(paths.spec, spec.model_dump_json(indent=2))
        argv = [sys.executable, "-m", "repo_runner.supervise", str(paths.root), str(attempt.number)]
        argv += [] if attempt.with_probe else [WITHOUT_PROBE]
        argv += [] if attempt.gpus is None else [GPUS + ",".join(attempt.gpus)]
        referred = self._settings.referred(spec.secret_refs.values())
        env = {**self._settings.supervisor_env, **referred, process.MARKER: paths.run_id}
        with paths.supervisor_log.open("ab") as log:
            self._children.append(process.start(argv, env=env, output=log))

    def is_alive(self, paths: RunPaths) -> bool:
        """Whether the lease is held, or a supervisor of ours is still on its way to it."""
        self._children = [c for c in self._children if c.poll() is None]
        return bool(self._children) or lease.holder(paths.lock) is not None

    def was_started(self, paths: RunPaths) -> bool:
        """A supervisor takes the lease before anything else."""
        return paths.lock.exists()

    def stop(self, paths: RunPaths) -> None:
        """Leave `stop.json` (kept if the supervisor is busy or restarting) and wake the supervisor."""
        if not paths.stop.exists():
            reserve.give_back(paths.reserve)
            write_private(paths.stop, f'{{"requested_at": {time.time()}}}')
        holder = lease.holder(paths.lock)
        if holder is not None:
            holder.signal(signal.SIGTERM)

    def clean_up(self, paths: RunPaths) -> None:
        """Kill what is in the run's control group or carries its marker, and remove what it left half done."""
        run_group.bury(paths)
        process.kill_marked(paths.run_id)
        for half in paths.half_written():
            shutil.rmtree(half) if half.is_dir() else half.unlink()
        sandbox.sweep(paths)

    def forget(self, paths: RunPaths) -> None:
        """All of a local run lies in its folder."""

    def close(self) -> None:
        """Nothing is held open."""
