"""How a shape is run: most are `python script.py`, some need more."""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from tests.compat.matrix import Shape
from tests.compat.observation import SHAPES, Observation, Script

#: More batches than any scenario waits for.
ENDLESS = "1000000"
TIMEOUT_S = 90.0


def run(shape: Shape, script: Script) -> Observation:
    """Run the shape in the script's environment and folder, with the probe."""
    return SCENARIOS[shape.get("run", "plain")](shape, script)


def _plain(shape: Shape, script: Script) -> Observation:
    return script.run_shape(shape.script, *shape.get("arguments", []), timeout_s=TIMEOUT_S)


def _module(_: Shape, script: Script) -> Observation:
    shutil.copytree(SHAPES / "a_package", script.folder / "a_package")
    shutil.copy(SHAPES / "tiny.py", script.folder)
    return script.run("-m", "a_package.train", timeout_s=TIMEOUT_S)


def _torchrun(shape: Shape, script: Script) -> Observation:
    launcher = ("-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2")
    return script.run(*launcher, str(SHAPES / f"{shape.script}.py"), timeout_s=TIMEOUT_S)


def _signal(shape: Shape, script: Script) -> Observation:
    number = signal.Signals[shape["signal"]]
    with script.start(str(SHAPES / "argparse_script.py"), "--batches", ENDLESS) as process:
        _wait_for_steps(script, process)
        process.send_signal(number)
        sent_at = time.time()
        seen = script.finish(process, TIMEOUT_S)
    lost = sent_at - max((event["t"] for event in seen.events), default=0)
    if lost > shape.get("most_seconds_lost", TIMEOUT_S):
        return replace(seen, findings={"lines": f"the last {lost:.2f} s are lost"})
    return seen


def _no_folder(shape: Shape, script: Script) -> Observation:
    folder = script.folder / shape["folder"]
    seen = replace(script, environment={"REPO_RUNNER_PROBE_DIR": str(folder)}).run_shape(
        "argparse_script"
    )
    return _unchanged(seen, written=folder.exists() and any(folder.glob("events-*")))


def _full_disk(_: Shape, script: Script) -> Observation:
    seen = replace(script, largest_file_bytes=4096).run_shape("no_checkpoints")
    written = sum(file.stat().st_size for file in script.probe_folder.iterdir())
    if seen.returncode == 0 and not 0 < written <= 4096:
        return replace(seen, findings={"lines": f"{written} bytes were written"})
    return replace(seen, findings=_exit_code(seen.returncode))


def _stop_resume(shape: Shape, script: Script) -> Observation:
    stopped = _stopped(shape, script)
    saved = stopped.named("stop_checkpoint")
    if stopped.returncode or len(saved) != 1 or not Path(saved[0]["path"]).is_file():
        return replace(stopped, findings={"stop": f"exit {stopped.returncode}, {len(saved)} saved"})
    step, folder = saved[0]["step"], script.folder / "again"
    folder.mkdir()
    variables = {"REPO_RUNNER_PROBE_CKPT": saved[0]["path"], **_batches(shape, step + 10)}
    again = replace(script, folder=folder, environment=variables)
    more = again.run_shape(shape.script, *_arguments(shape, step + 10), timeout_s=TIMEOUT_S)
    who = [event["who"] for event in more.named("resume")]
    begun_at = [event["step"] for event in more.named("train_start")]
    printed = more.stdout.split("steps ", 1)[-1].split("\n", 1)[0]
    found = (more.returncode, who, begun_at, printed)
    wanted = (0, ["injected"], [step], str(2 * (step + 10)))
    findings = {} if found == wanted else {"resume": f"{found} instead of {wanted}"}
    return replace(more, findings=findings or _own_errors([*stopped.events, *more.events]))


def _stopped(shape: Shape, script: Script) -> Observation:
    endless = replace(script, environment=_batches(shape, int(ENDLESS)))
    command = (str(SHAPES / f"{shape.script}.py"), *_arguments(shape, int(ENDLESS)))
    with endless.start(*command) as process:
        _wait_for_steps(script, process)
        (script.probe_folder / "stop").touch()
        return script.finish(process, TIMEOUT_S)


def _batches(shape: Shape, count: int) -> dict[str, str]:
    """The ddp script is told through the environment, which its other rank inherits, and shares with it."""
    return {"BATCHES": str(2 * count)} if shape.script == "ddp" else {}


def _arguments(shape: Shape, count: int) -> list[str]:
    return [] if shape.script == "ddp" else ["--batches", str(count)]


def _wait_for_steps(script: Script, process: subprocess.Popen[str]) -> None:
    script.wait_for(lambda event: event["ev"] == "step" and event["step"] >= 4, TIMEOUT_S, process)


def _unchanged(seen: Observation, *, written: bool) -> Observation:
    findings = {"lines": "events were written"} if written else _exit_code(seen.returncode)
    if not findings and "steps 20" not in seen.stdout:
        findings = {"trainings": "the script did not come to its end"}
    return replace(seen, findings=findings)


def _exit_code(code: int) -> dict[str, str]:
    return {"exit": f"{code} instead of 0"} if code else {}


def _own_errors(events: list[dict[str, object]]) -> dict[str, str]:
    errors = [str(event["error"]) for event in events if event["ev"] == "monitor_error"]
    return {"probe errors": "; ".join(errors)} if errors else {}


SCENARIOS: dict[str, Callable[[Shape, Script], Observation]] = {
    "plain": _plain,
    "module": _module,
    "torchrun": _torchrun,
    "signal": _signal,
    "no_folder": _no_folder,
    "full_disk": _full_disk,
    "stop_resume": _stop_resume,
}
