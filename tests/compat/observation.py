"""Runs a script as a user would, with the probe on its path, and reads what the probe wrote."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PROBE = ROOT / "probe"
SHAPES = Path(__file__).resolve().parent / "shapes"


@dataclass(frozen=True)
class Observation:
    """One script, from its start to its end."""

    returncode: int
    stdout: str
    stderr: str
    events: list[dict[str, Any]]
    #: Where a scenario judges by itself: name and finding of what does not hold.
    findings: dict[str, str] | None = None

    def named(self, name: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["ev"] == name]

    def metric(self, name: str) -> list[Any]:
        return [event["m"][name] for event in self.events if name in event.get("m", {})]

    def printed(self, word: str) -> str:
        """Return what the script printed behind `word`."""
        lines = [line.split(" ", 1) for line in self.stdout.splitlines() if " " in line]
        return next(rest for first, rest in lines if first == word)

    @property
    def steps_reported(self) -> int:
        return max(event.get("step", 0) for event in self.events)


@dataclass(frozen=True)
class Script:
    """How to start one; `folder` gets whatever it writes."""

    python: Path
    folder: Path
    package: str = "lightning.pytorch"
    environment: Mapping[str, str] = field(default_factory=dict)
    #: Largest file that may be written, as on a disk that is nearly full.
    largest_file_bytes: int | None = None

    @property
    def probe_folder(self) -> Path:
        return self.folder / "probe"

    def run(self, *command: str, timeout_s: float = 120) -> Observation:
        """Run `python COMMAND...` to its end."""
        with self.start(*command) as process:
            return self.finish(process, timeout_s)

    def run_shape(self, name: str, *arguments: str, timeout_s: float = 120) -> Observation:
        return self.run(str(SHAPES / f"{name}.py"), *arguments, timeout_s=timeout_s)

    def start(self, *command: str) -> subprocess.Popen[str]:
        self.probe_folder.mkdir(parents=True, exist_ok=True)
        environment = {
            **os.environ,
            "PYTHONPATH": str(PROBE),
            "REPO_RUNNER_PROBE_DIR": str(self.probe_folder),
            "LIGHTNING_PACKAGE": self.package,
            "CUDA_VISIBLE_DEVICES": "",
            **self.environment,
        }
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        return subprocess.Popen(
            [str(self.python), *command],
            cwd=self.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=self._prepare,  # noqa: PLW1509 - nothing here takes a lock
        )

    def _prepare(self) -> None:
        # Whatever started us in the background may have had SIGINT ignored.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if self.largest_file_bytes is not None:
            limit = (self.largest_file_bytes, self.largest_file_bytes)
            resource.setrlimit(resource.RLIMIT_FSIZE, limit)

    def finish(self, process: subprocess.Popen[str], timeout_s: float = 120) -> Observation:
        try:
            stdout, stderr = process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            stdout, stderr = process.communicate()
        return Observation(process.returncode, stdout, stderr, self.events())

    def events(self) -> list[dict[str, Any]]:
        """Return every whole line of every process, a process at a time."""
        lines = [
            line
            for file in sorted(self.probe_folder.glob("events-*.jsonl"))
            for line in file.read_text().splitlines(keepends=True)
        ]
        return [json.loads(line) for line in lines if line.endswith("\n") and line.strip()]

    def wait_for(
        self,
        seen: Callable[[dict[str, Any]], bool],
        timeout_s: float = 60,
        process: subprocess.Popen[str] | None = None,
    ) -> None:
        """Return when an event has been written of which `seen` is true, or the process has ended."""
        deadline = time.monotonic() + timeout_s
        while not any(seen(event) for event in self.events()):
            if process is not None and process.poll() is not None:
                return
            if time.monotonic() > deadline:
                raise TimeoutError(f"not seen in {timeout_s} s; last: {self.events()[-5:]}")
            time.sleep(0.05)


def build_environment(
    uv: Path, folder: Path, *requirements: str, options: Sequence[str] = ()
) -> Path:
    """Make a virtual environment and return its interpreter."""
    environment = dict(os.environ)
    if "PIP_FIND_LINKS" in environment:
        environment.setdefault("UV_FIND_LINKS", environment["PIP_FIND_LINKS"])
    python = folder / "bin" / "python"
    for command in (
        ["venv", "--quiet", "--python", "3.11", str(folder)],
        ["pip", "install", "--quiet", "--python", str(python), *options, *requirements],
    ):
        subprocess.run([str(uv), *command], check=True, env=environment)
    return python
