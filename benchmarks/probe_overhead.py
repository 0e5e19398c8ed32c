"""What the probe costs a training step, beside no callback, a no-op callback and Lightning's own loggers.

One process with the newest Lightning trains the same small model with each arm in turn, several times over. The
figures are the processor time spent inside the arm's own hooks, or inside Lightning's handing of metrics to the logger,
per training step and less what the clock itself costs, which is seen on the no-op callback. Whole-run differences
(printed as well) drown in the noise of the machine. The ratios are the worse of those with 1 and with 20 metrics.

- `probe`: the probe as a run has it, Lightning's default `log_every_n_steps=50`; `probe_every`: the same with 1;
- `noop`: a callback that does nothing; `none`: no callback at all;
- `csv_1`, `csv_50`, `tb_1`, `tb_50`: CSVLogger and TensorBoardLogger with `log_every_n_steps` of 1 and 50.

Further: the growth of the process's memory over many steps, and what a `kill -9` loses.

    .venv/bin/python benchmarks/probe_overhead.py [--quick]
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = ("lightning>=2.5,!=2.6.2,!=2.6.3", "tensorboard", "torch==2.13.0")
WORKER = ROOT / "tests" / "compat" / "step_cost.py"
ARMS = ("none", "noop", "probe", "csv_50", "tb_50", "probe_every", "csv_1", "tb_1")
METRICS = (1, 20)
Figures = dict[str, float]

sys.path.insert(0, str(ROOT))

from tests.compat.observation import build_environment  # noqa: E402


def start(python: Path, folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """A worker with the probe on its path; what both write goes to `folder`."""
    folder.mkdir()
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT / "probe"),
        "REPO_RUNNER_PROBE_DIR": str(folder),
        "OMP_NUM_THREADS": "1",
        "CUDA_VISIBLE_DEVICES": "",
        "PYTHONWARNINGS": "ignore",
    }
    command = [str(python), str(WORKER), *arguments]
    out, err = subprocess.PIPE, (folder / "stderr").open("w")
    return subprocess.Popen(command, cwd=folder, env=environment, stdout=out, stderr=err, text=True)


def results(python: Path, folder: Path, *arguments: str) -> list[dict[str, Any]]:
    with start(python, folder, *arguments) as process:
        output, _ = process.communicate()
    if process.returncode:
        raise SystemExit((folder / "stderr").read_text()[-2000:])
    return [json.loads(line) for line in output.splitlines() if line.startswith("{")]


def events(folder: Path) -> list[dict[str, Any]]:
    text = "".join(file.read_text() for file in folder.glob("events-*.jsonl"))
    return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]


def lost_by_kill(python: Path, folder: Path) -> float:
    """Seconds between the last event that was written and the kill; a step takes far less."""
    with start(python, folder, "many", "--steps", "10000000") as process:
        while not any(event["ev"] == "step" for event in events(folder)):
            time.sleep(0.05)
        time.sleep(1.37)  # at no particular moment of the probe's intervals
        process.kill()
        killed_at = time.time()
    return killed_at - float(events(folder)[-1]["t"])


def inside(rows: list[dict[str, Any]], arm: str, metrics: int) -> list[float]:
    """Of each repeat, without what the clock itself costs; there are two hooks, or one call per logging step."""
    own, bare = column(rows, arm, metrics, "inside"), column(rows, "noop", metrics, "inside")
    calls = {"none": 0.0, "csv_50": 1 / 50, "tb_50": 1 / 50, "csv_1": 1.0, "tb_1": 1.0}.get(
        arm, 2.0
    )
    return [mine - clock * calls / 2 for mine, clock in zip(own, bare, strict=True)]


def column(rows: list[dict[str, Any]], arm: str, metrics: int, name: str) -> list[float]:
    return [row[name] for row in rows if (row["arm"], row["metrics"]) == (arm, metrics)]


def report(rows: list[dict[str, Any]]) -> Figures:
    """A table for people; returns the figures."""
    print("microseconds per step, median [min, max]: processor time inside its hooks or calls;")
    print("processor time of the whole step, less that of `none` in the same repeat")
    middle: dict[tuple[str, int], float] = {}
    step = {n: statistics.median(column(rows, "none", n, "wall")) for n in METRICS}
    for metrics in METRICS:
        print(f"\n{metrics} metrics; a step of `none` takes {step[metrics]:.0f} us")
        base = column(rows, "none", metrics, "cpu")
        for arm in ARMS:
            own = inside(rows, arm, metrics)
            middle[arm, metrics] = statistics.median(own)
            whole = column(rows, arm, metrics, "cpu")
            more = [mine - other for mine, other in zip(whole, base, strict=True)]
            print(
                f"  {arm:12} {statistics.median(own):7.1f} [{min(own):.1f}, {max(own):.1f}]"
                f"   {statistics.median(more):+7.0f} [{min(more):+.0f}, {max(more):+.0f}]"
            )
    figures = {f"us_per_step_{n}": middle["probe", n] for n in METRICS}
    for every in (1, 50):
        ratios = {n: middle["probe", n] / middle[f"csv_{every}", n] for n in METRICS}
        figures[f"ratio_csvlogger_n{every}"] = max(ratios.values())
        figures.update({f"ratio_csvlogger_n{every}_with_{n}": ratios[n] for n in METRICS})
    figures["step_share_percent"] = max(middle["probe", n] / step[n] for n in METRICS) * 100
    figures.update(
        {f"us_per_step_{n}_logging_every_step": middle["probe_every", n] for n in METRICS}
    )
    return figures


def main() -> None:
    """Measure, print the table, and as the last line the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="three short repeats, fewer steps")
    parser.add_argument(
        "--python", type=Path, help="an interpreter that has Lightning and tensorboard"
    )
    asked = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="probe-overhead-"))
    steps, repeats, many = ("600", "3", "40000") if asked.quick else ("3000", "9", "1000000")
    try:
        uv = Path(sys.executable).with_name("uv")
        python = asked.python or build_environment(uv, folder / "environment", *REQUIREMENTS)
        cost = ("cost", "--steps", steps, "--repeats", repeats)
        figures = report(results(python, folder / "cost", *cost))
        grown = results(python, folder / "many", "many", "--steps", many)
        figures["memory_bytes_per_step"] = grown[0]["bytes"]
        figures["lost_by_kill_s"] = lost_by_kill(python, folder / "kill")
    finally:
        shutil.rmtree(folder)
    print(f"\nover {many} steps memory grew by {figures['memory_bytes_per_step']:.2f} bytes a step")
    print(f"kill -9 lost the last {figures['lost_by_kill_s']:.2f} s of events")
    rounded = {name: round(value, 3) for name, value in figures.items()}
    print(json.dumps({"benchmark": "probe_overhead", "figures": rounded}))


if __name__ == "__main__":
    main()
