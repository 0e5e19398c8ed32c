"""The probe under other Pythons, with a stand-in for Lightning: it needs nothing but an interpreter."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

from tests.compat.observation import PROBE, Script

PYTHONS = ("3.8", "3.9", "3.10", "3.11", "3.12", "3.13")
STAND_IN = Path(__file__).with_name("stand_in")


def find(uv: Path, version: str) -> Path | None:
    """An interpreter that is already on this machine."""
    command = [str(uv), "python", "find", "--no-python-downloads", "--system", version]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    return Path(found.stdout.strip()) if found.returncode == 0 else None


def finding(python: Path, folder: Path) -> str:
    """What is wrong: with the probe all of a training is reported; without its variable, nothing happens."""
    path = {"PYTHONPATH": f"{PROBE}:{STAND_IN}", "PYTHONDONTWRITEBYTECODE": "1"}
    script = Script(python, folder, environment=path)
    seen = script.run(str(STAND_IN / "script.py"), timeout_s=30)
    steps = [event["step"] for event in seen.named("step")]
    if (seen.returncode, steps, seen.named("monitor_error")) != (0, list(range(2, 21, 2)), []):
        return f"exit {seen.returncode}, steps {steps}; {seen.stderr[-500:]}"
    off = replace(script, environment={**path, "REPO_RUNNER_PROBE_DIR": ""})
    again = off.run(str(STAND_IN / "script.py"), timeout_s=30)
    if (again.returncode, len(again.events)) != (0, len(seen.events)):
        return f"without its variable: exit {again.returncode}, {len(again.events)} events"
    return "" if again.stdout == seen.stdout else "the output is another one"
