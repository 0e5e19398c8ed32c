"""D10: a limit that is reached ends the script, with that reason; shown beforehand in the run's spec."""

from __future__ import annotations

import pytest

from repo_runner.models import RunStatus
from tests.integration.faults.conftest import Faulty

SLEEP = "import time\nprint('ready', flush=True)\ntime.sleep(600)\n"
GROW = "held = []\nwhile True: held.append(bytearray(8 << 20))\n"
FILL = (
    "import time\n"
    "for i in range(1000):\n    open(f'file-{i}', 'wb').write(b'x' * (1 << 20))\n    time.sleep(0.01)\n"
    "time.sleep(600)\n"
)


@pytest.mark.parametrize(
    ("script", "limits", "code"),
    [
        (SLEEP, {"time_s": 1}, "limit_time"),
        (GROW, {"memory_bytes": 256 << 20}, "limit_memory"),
        (FILL, {"disk_bytes": 4 << 20}, "limit_disk"),
        (SLEEP, {"silence_s": 1, "on_silence": "stop"}, "limit_silence"),
    ],
)
def test_D10_a_limit_that_is_reached_is_the_reason(
    faulty: Faulty, script: str, limits: dict, code: str
) -> None:
    run = faulty.run(script, limits=limits)
    assert run.failure is not None
    assert (run.status, run.failure.error_code) == (RunStatus.FAILED, code)
    assert run.exit_cause == "limit"
    assert run.failure.hint


def test_D10_the_limit_is_shown_before_the_run_starts(faulty: Faulty) -> None:
    run_id = faulty.submit(SLEEP, limits={"time_s": 60, "memory_bytes": 1 << 30})
    limits = faulty.manager.get(run_id).spec.limits
    assert (limits.time_s, limits.memory_bytes) == (60, 1 << 30)


def test_D10_memory_of_all_children_counts_together(faulty: Faulty) -> None:
    child = "held = bytearray(120 << 20); import time; time.sleep(600)"
    script = (
        "import subprocess, sys, time\n"
        f"for _ in range(3): subprocess.Popen([sys.executable, '-c', {child!r}])\n"
        "time.sleep(600)\n"
    )
    run = faulty.run(script, limits={"memory_bytes": 256 << 20})
    assert run.failure is not None
    assert run.failure.error_code == "limit_memory"


def test_D10_a_silent_run_is_flagged_and_the_flag_goes_when_it_speaks(faulty: Faulty) -> None:
    script = (
        "import time, pathlib\nprint('ready', flush=True)\n"
        "while not pathlib.Path('speak').exists(): time.sleep(0.05)\n"
        "print('again', flush=True)\n"
        "while not pathlib.Path('end').exists(): time.sleep(0.05)\n"
    )
    with faulty.running(script, limits={"silence_s": 1}) as run_id:
        checkout = faulty.manager.paths.run(run_id).checkout
        faulty.wait(run_id, lambda run: run.silent_since is not None, "the flag")
        (checkout / "speak").touch()
        faulty.wait(run_id, lambda run: run.silent_since is None, "the flag's end")
        (checkout / "end").touch()
        run = faulty.ended(run_id)
    assert (run.status, run.silent_since) == (RunStatus.SUCCEEDED, None)
