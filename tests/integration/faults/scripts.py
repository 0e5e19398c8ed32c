"""Stand-ins for training scripts, without torch: they speak to the supervisor as the probe does."""

from __future__ import annotations

from pathlib import Path

from tests.app_fixtures import NOTHING_TO_INSTALL
from tests.wheelhouse import make_package

_SPEAKS = """
import json, os, pathlib, sys, time

probe = pathlib.Path(os.environ["REPO_RUNNER_PROBE_DIR"])
attempt = probe.name
events = (probe / "events-stand-in.jsonl").open("a", buffering=1)

def say(ev, **more):
    events.write(json.dumps({"ev": ev, "t": time.time(), "rank": 0, "tr": 1, **more}) + "\\n")

def save(name, step, keep):
    pathlib.Path(name).write_text("weights of " + name)
    keeps = {"i": 0, "monitor": "loss", "mode": "min", "best_path": keep, "best_score": 0.5, "last_path": name}
    say("checkpoint", step=step, epoch=0, ckpts=[keeps])

with open("executions.txt", "a") as executions:
    executions.write(attempt + "\\n")
say("hello", pl="2.5")
say("setup", fn="fit", hparams={"lr": 0.1})
"""

#: Two metrics, two checkpoints of which the first goes again; then the end.
TRAINS = (
    _SPEAKS
    + """
first = int(attempt) * 1000
for step in range(first, first + 3):
    print("step", step, flush=True)
    say("metrics", step=step, epoch=0, m={"loss": 1 / (step + 1), "acc": 0.5})
pathlib.Path("checkpoints").mkdir(exist_ok=True)
save("checkpoints/a.ckpt", first + 2, "checkpoints/a.ckpt")
time.sleep(0.25)  # two looks of the supervisor
os.unlink("checkpoints/a.ckpt")
save("checkpoints/b.ckpt", first + 3, "checkpoints/b.ckpt")
print("done", flush=True)
"""
)

#: Waits for its stop in the first attempt, saves, and goes on to the end in the second.
WAITS = (
    _SPEAKS
    + """
print("started", flush=True)
say("metrics", step=int(attempt), epoch=0, m={"loss": 0.25})
while attempt == "1" and not (probe / "stop").exists():
    time.sleep(0.02)
if attempt == "1":
    (probe / "stop.ckpt").write_text("saved")
    say("stop_checkpoint", path=str(probe / "stop.ckpt"), fit=1)
else:
    print("goes on from", os.environ.get("REPO_RUNNER_PROBE_CKPT"), flush=True)
print("done", flush=True)
"""
)

TRAINING_REPO = {"train.py": TRAINS, **NOTHING_TO_INSTALL}
WAITING_REPO = {"train.py": WAITS, **NOTHING_TO_INSTALL}

#: Speaks ten times a second until the file named by its argument exists.
GOES_ON = (
    _SPEAKS
    + """
step = 0
while not os.path.exists(sys.argv[1]):
    step += 1
    print("step", step, flush=True)
    say("metrics", step=step, epoch=0, m={"loss": 1 / step})
    time.sleep(0.1)
print("done", flush=True)
"""
)

#: The same, and prints as fast as it can instead of sleeping.
LOUD = GOES_ON.replace(
    "    time.sleep(0.1)\n",
    "    until = time.monotonic() + 0.1\n"
    "    while time.monotonic() < until:\n"
    "        print('step', step, 'of a script that says all it knows, again and again')\n",
)


def gated_repo(gate: str, folder: Path) -> dict[str, str]:
    """A repository that is a package whose build waits until the file `gate` exists, with the script above."""
    wait = f"while not pathlib.Path({gate!r}).exists(): __import__('time').sleep(0.02)"
    make_package(folder, needs="", extra=wait)
    files = {str(p.relative_to(folder)): p for p in folder.rglob("*") if p.is_file()}
    return {name: path.read_text() for name, path in files.items()} | {"train.py": GOES_ON}
