"""A data folder with much in it, written through the store: many runs, a long curve, a long log.

For the benchmark of the pages and for their tests. The curve's events go through the same ingestion as a real run's,
the log through the supervisor's own writer.
"""

from __future__ import annotations

import json
import math
import random
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from repo_runner.ingest import ingest
from repo_runner.manager import Manager
from repo_runner.models import Failure, RunPhase, RunSpec, RunStatus
from repo_runner.output import OutputWriter
from repo_runner.paths import RunPaths
from repo_runner.run_list import repository_of, search_words
from repo_runner.settings import Settings
from repo_runner.tables import RunRow, RunWordsRow

LONG_RUN = "20260101-000000-long00"
HOUR_S = 3600.0
_MODELS = ["resnet", "unet", "transformer", "mixer", "vae", "linear probe"]
_TASKS = ["digits", "segmentation", "weather", "speech", "graphs"]


@dataclass(frozen=True)
class Sizes:
    """How much of everything."""

    runs: int = 10_000
    points: int = 1_000_000
    log_bytes: int = 200_000_000


def write_history(home: Path, sizes: Sizes) -> dict[str, float]:
    """Fill a data folder; returns how many seconds each part took."""
    manager = Manager(Settings(home=home))
    manager.recover()
    started = time.monotonic()
    write_runs(manager, sizes.runs)
    runs_at = time.monotonic()
    paths = write_long_run(manager)
    write_curve(paths, sizes.points)
    curve_at = time.monotonic()
    ingest(manager.store, paths, LONG_RUN)
    ingested_at = time.monotonic()
    write_log(paths, sizes.log_bytes)
    manager.close()
    return {
        "runs_s": runs_at - started,
        "ingest_s": ingested_at - curve_at,
        "log_s": time.monotonic() - ingested_at,
    }


def write_runs(manager: Manager, count: int) -> None:
    """Ended runs, the newest a quarter of an hour ago, as they would have been ingested."""
    source = random.Random(0)
    now = time.time()
    _insert(manager, [_run(i, now - (count - i) * HOUR_S / 4, source) for i in range(count)])


def write_long_run(manager: Manager) -> RunPaths:
    """The run that the curve and the log belong to, ended this moment."""
    run = _run(0, time.time() - HOUR_S, random.Random(1))
    ended = {"status": RunStatus.SUCCEEDED.value, "failure": None, "exit_code": 0}
    spec = {**run["spec"], "name": "a long training"}
    _insert(manager, [{**run, **ended, "run_id": LONG_RUN, "name": spec["name"], "spec": spec}])
    paths = manager.paths.run(LONG_RUN)
    paths.root.mkdir(parents=True)
    return paths


def _insert(manager: Manager, runs: list[dict[str, Any]]) -> None:
    with Session(manager.store.engine.execution_options(writes=True)) as session:
        first = (session.scalar(select(func.max(RunRow.number))) or 0) + 1
        numbered = [{**run, "number": n} for n, run in enumerate(runs, start=first)]
        session.execute(insert(RunRow), numbered)
        words = [{"number": run["number"], "words": _words(run)} for run in numbered]
        session.execute(insert(RunWordsRow), words)
        session.commit()


def _words(run: dict[str, Any]) -> str:
    return search_words(run["run_id"], RunSpec.model_construct(**run["spec"]))


def write_curve(paths: RunPaths, points: int) -> None:
    """A loss at every step, with one spike; a validation every thousand steps."""
    source = random.Random(2)
    start = time.time() - HOUR_S
    spike = points * 2 // 3
    with paths.events.open("w") as file:
        for step in range(points):
            along = step / points
            loss = 2.2 * math.exp(-4 * along) + 0.1 + 0.05 * source.random()
            values = {"train_loss": 40.0 if step == spike else round(loss, 6)}
            if step % 1000 == 999:
                values |= {"val_loss": round(loss * 1.1, 6), "val_acc": round(1 - loss / 2.5, 6)}
            event = {"seq": step + 1, "t": round(start + along * HOUR_S, 3), "kind": "metrics"}
            event |= {"values": values, "step": step, "epoch": step * 20 // points}
            file.write(json.dumps(event, separators=(",", ":")) + "\n")


def write_log(paths: RunPaths, size_bytes: int) -> None:
    """Numbered lines, some of them coloured, one traceback in the middle; all of it kept."""
    writer = OutputWriter(paths.output, 4 * size_bytes)
    line, written = 0, 0
    while written < size_bytes:
        lines = [
            f"[{n:09d}] step {n} loss {1 / (n + 1):.6f} lr 0.001 \x1b[32mok\x1b[0m some words to fill the line"
            for n in range(line, line + 10_000)
        ]
        if line <= size_bytes // 170 < line + 10_000:
            lines.append("ValueError: the error in the middle")
        piece = ("\n".join(lines) + "\n").encode()
        writer.write(piece)
        line, written = line + 10_000, written + len(piece)
    writer.write(b"the last line\n")
    writer.close()


def _run(index: int, created_at: float, source: random.Random) -> dict[str, Any]:
    status = source.choices(["succeeded", "failed", "stopped"], [8, 2, 1])[0]
    task, model = source.choice(_TASKS), source.choice(_MODELS)
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime(created_at))
    spec = RunSpec(
        repo_url=f"https://github.com/lab-{index % 40}/{task}",
        ref="main",
        commit_sha=f"{source.getrandbits(160):040x}",
        script_path="train.py" if index % 3 else "scripts/fit.py",
        script_args=("--lr", f"{10 ** source.uniform(-4, -1):.2g}", "--max_epochs", "20"),
        name=f"{task}, {model} {index}",
    )
    duration_s = source.expovariate(1 / 900) + 20
    score = source.uniform(0.5, 0.99)
    trained = {
        "phase": "training",
        "started_at": created_at + 3,
        "ended_at": created_at + duration_s,
    }
    return {
        "run_id": f"{stamp}-{index:06x}",
        "spec": spec.model_dump(mode="json"),
        "name": spec.name,
        "status": status,
        "phase": RunPhase.TRAINING.value,
        "created_at": created_at,
        "started_at": created_at + 2,
        "ended_at": created_at + 2 + duration_s,
        "duration_s": duration_s,
        "attempt": 1,
        "commit_sha": spec.commit_sha,
        "environment_key": f"{source.getrandbits(80):020x}",
        "exit_code": int(status == "failed"),
        "failure": _failure() if status == "failed" else None,
        "has_probe": True,
        "monitor": "val_acc",
        "mode": "max",
        "best_model_score": score,
        "progress": {"phase": "training", "epoch": 19, "max_epochs": 20, "step": 1880},
        "last_metrics": {"train_loss": 0.1, "val_acc": score},
        "hparams": {"lr": 0.001, "hidden": 128},
        "trainer": {"lightning": "2.6.6", "torch": "2.13.0", "devices": 1},
        "notes": [],
        "gpus": [],
        "phases": [
            *(
                {"phase": phase, "started_at": created_at + n, "ended_at": created_at + n + 1}
                for n, phase in enumerate(("queued", "fetching", "building"))
            ),
            trained,
        ],
        "repository": repository_of(spec.repo_url),
        "sparkline": {
            "name": "val_acc",
            "values": [
                round(score * (1 - math.exp(-i / 5)) + source.gauss(0, 0.01), 4) for i in range(24)
            ],
        },
    }


def _failure() -> dict[str, object]:
    failure = Failure(
        error_code="module_missing",
        message="The script needs the package `einops`, which is not in the environment.",
        hint="Add einops to the requirements and run again.",
        lines=("    import einops", "ModuleNotFoundError: No module named 'einops'"),
    )
    return failure.model_dump(mode="json")


if __name__ == "__main__":
    print(write_history(Path(sys.argv[1]), Sizes()))
