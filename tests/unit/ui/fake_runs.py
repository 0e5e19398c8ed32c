"""Runs as they would be at a moment of a made-up history: one trains, one builds, two wait, many have ended."""

from __future__ import annotations

import math
import random
from datetime import UTC, datetime, timedelta
from typing import Any

from repo_runner.models import (
    Checkpoint,
    Failure,
    MetricPoint,
    MetricSeries,
    PhaseTime,
    Progress,
    Run,
    RunPhase,
    RunSpec,
    RunStatus,
)
from repo_runner.resources import ResourcePoint
from repo_runner.run_environment import RunEnvironment, compare

EPOCHS, STEPS = 40, 36
SHA = "3f9c2d71b8e04a6f95d1c2ab7e8f60d4c1a2b3e5"
ORDER = list(RunPhase)


def spec(**changes: Any) -> RunSpec:
    """What was asked for."""
    values = {
        "repo_url": "https://github.com/acme/digits",
        "ref": "main",
        "commit_sha": SHA,
        "script_path": "examples/train.py",
        "script_args": ("--max_epochs", "40", "--lr", "1e-3", "--tag", "two words"),
        "requirements": ("torchmetrics>=1.0",),
        "env": {"SEED": "1"},
        "submitted_by": "bob",
    }
    return RunSpec(**{**values, **changes})


def run(run_id: str, start: datetime, **changes: Any) -> Run:
    """A run in its simplest form."""
    values: dict[str, Any] = {
        "run_id": run_id,
        "spec": spec(),
        "name": "digits/train",
        "status": RunStatus.PENDING,
        "phase": RunPhase.QUEUED,
        "created_at": start,
        "commit_sha": SHA,
    }
    return Run(**{**values, **changes})


def training(
    run_id: str, start: datetime, now: datetime, seconds: float = 120, **changes: Any
) -> Run:
    """A run that trains for `seconds` after 2 s of fetching and 4 s of building."""
    spent = (now - start).total_seconds() - 6
    fraction = min(max(spent / seconds, 0), 1)
    step = int(fraction * EPOCHS * STEPS)
    done = fraction >= 1
    end = start + timedelta(seconds=6 + seconds) if done else None
    rate = EPOCHS * STEPS / seconds
    best = best_score(step)
    return run(
        run_id,
        start,
        status=RunStatus.SUCCEEDED if done else RunStatus.RUNNING,
        phase=RunPhase.TRAINING,
        started_at=start,
        ended_at=end,
        exit_code=0 if done else None,
        has_probe=True,
        attempt=1,
        environment_key="c0ffee5d1a2b3c4d5e6f",
        progress=Progress(
            phase=RunPhase.TRAINING,
            stage="train",
            fraction=fraction,
            eta_s=seconds * (1 - fraction),
            epoch=min(step // STEPS, EPOCHS - 1),
            max_epochs=EPOCHS,
            batch=step % STEPS,
            batches=STEPS,
            step=step,
            total_steps=EPOCHS * STEPS,
            steps_per_s=rate,
            stage_seconds={
                "sanity_check": 0.4,
                "train": round(0.93 * fraction * seconds, 1),
                "validate": round(0.06 * fraction * seconds, 1),
                "saving": round(0.01 * fraction * seconds, 1),
            },
        ),
        phases=times(start, end),
        monitor="val_acc",
        mode="max",
        best_model_score=best,
        best_model_path="checkpoints/best.ckpt" if best is not None else None,
        hparams={
            "lr": 1e-3,
            "hidden": 32,
            "batch_size": 32,
            "layers": [64, 32],
            "optimizer": "adam",
        },
        trainer={
            "lightning": "2.5.5",
            "torch": "2.9.1",
            "strategy": "SingleDeviceStrategy",
            "devices": 1,
            "parameters": 28_938,
        },
        **changes,
    )


def building(run_id: str, now: datetime) -> Run:
    """A run whose environment is being built."""
    start = now - timedelta(seconds=4)
    *done, present, _ = times(start, None)
    return run(
        run_id,
        start,
        name="vision/finetune",
        status=RunStatus.RUNNING,
        phase=RunPhase.BUILDING,
        started_at=start,
        phases=(*done, present.model_copy(update={"ended_at": None})),
        progress=Progress(
            phase=RunPhase.BUILDING, stage="downloading", message="12 of 41 packages"
        ),
    )


def times(start: datetime, end: datetime | None) -> tuple[PhaseTime, ...]:
    """Phase times of a run that has come to training."""
    marks = [
        start - timedelta(seconds=3),
        start,
        start + timedelta(seconds=2),
        start + timedelta(seconds=6),
        end,
    ]
    return tuple(
        PhaseTime(phase=phase, started_at=marks[i], ended_at=marks[i + 1])
        for i, phase in enumerate(ORDER)
    )


def failed(run_id: str, start: datetime, phase: RunPhase, failure: Failure) -> Run:
    """A run that ended badly in a phase."""
    end = start + timedelta(seconds=19)
    known = [t for t in times(start, end) if ORDER.index(t.phase) <= ORDER.index(phase)]
    known[-1] = known[-1].model_copy(update={"ended_at": end})
    return run(
        run_id,
        start,
        status=RunStatus.FAILED,
        phase=phase,
        started_at=start,
        ended_at=end,
        exit_code=1,
        failure=failure,
        phases=tuple(known),
        attempt=1,
    )


def value_at(name: str, step: int) -> float:
    """A metric of the made-up training."""
    noise = random.Random(f"{name}{step}").gauss(0, 1)
    along = step / (EPOCHS * STEPS)
    loss = 2.3 * math.exp(-5 * along) + 0.05
    if name == "train_loss":
        return loss * (1 + 0.12 * noise)
    if name == "val_loss":
        return loss * 1.1 + 0.12 * along + 0.01 * noise
    if name == "val_acc":
        return min(0.985, 1 - 0.9 * math.exp(-6 * along)) + 0.004 * noise
    if name == "train_acc":
        return min(0.995, 1 - 0.9 * math.exp(-6.5 * along)) + 0.006 * noise
    return 1e-3 * 0.5 * (1 + math.cos(math.pi * along))


def series(
    step: int, start: datetime, seconds: float = 120, after: int = 0, upto: int | None = None
) -> tuple[MetricSeries, ...]:
    """All curves up to a step; a value's number is its step."""
    spread = {
        "train_loss": 12,
        "train_acc": STEPS,
        "val_loss": STEPS,
        "val_acc": STEPS,
        "lr-Adam": 36,
    }
    out = []
    for name, every in spread.items():
        points = [
            MetricPoint(
                number=at,
                step=at,
                epoch=(at - 1) // STEPS,
                value=value_at(name, at),
                timestamp=start.timestamp() + 6 + at / (EPOCHS * STEPS) * seconds,
            )
            for at in range(every, step + 1, every)
            if after < at <= (upto or step)
        ]
        if points:
            out.append(MetricSeries(name=name, points=tuple(points), total=step // every))
    return tuple(out)


def best_score(step: int) -> float | None:
    """The best validation score up to a step."""
    return max((value_at("val_acc", at) for at in range(STEPS, step + 1, STEPS)), default=None)


def resources(step: int, start: datetime) -> tuple[ResourcePoint, ...]:
    """What the made-up training takes: two busy cores, memory that fills up, a GPU that waits for data."""
    count = step // 12
    return tuple(
        ResourcePoint(
            timestamp=start.timestamp() + at,
            cpu_percent=190 + 12 * random.Random(at).gauss(0, 1),
            memory_bytes=int(2.1e9 * (1 - math.exp(-at / 6))),
            gpu_percent=min(100, max(0, 72 + 15 * random.Random(-at).gauss(0, 1))),
            gpu_memory_bytes=int(5.5e9 * (1 - math.exp(-at / 3))),
        )
        for at in range(1, count)
    )


def environment(own: str) -> RunEnvironment:
    """Two packages asked for, one of them not as asked, one for another kind of machine, the rest pulled in."""
    freeze = [
        "einops==0.8.1",
        "numpy==2.4.6",
        f"own=={own}",
        "torch==2.13.0",
        "torchmetrics==1.9.0",
    ]
    freeze += [f"pulled-in-{n}=={n}.0" for n in range(20)]
    declared = [
        ("requirements.txt", "torch==2.13.0"),
        ("requirements.txt", "einops<0.8"),
        ("requirements.txt", "pywin32; os_name == 'nt'"),
        ("", "torchmetrics>=1.0"),
    ]
    return RunEnvironment(
        key="c0ffee5d1a2b3c4d5e6f",
        python="3.11.9",
        reused=True,
        seconds=41.0,
        dependency_files=("requirements.txt",),
        packages=compare(declared, freeze),
        freeze=tuple(freeze),
    )


def checkpoints(step: int, start: datetime) -> tuple[Checkpoint, ...]:
    """The best and the last checkpoint up to a step."""
    ends = list(range(STEPS, step + 1, STEPS))
    if not ends:
        return ()
    best = max(ends, key=lambda at: value_at("val_acc", at))
    kinds = [(best, True, best == ends[-1])] + (
        [(ends[-1], False, True)] if best != ends[-1] else []
    )
    return tuple(
        Checkpoint(
            name=f"epoch={at // STEPS - 1}-step={at}.ckpt",
            path=f"lightning_logs/version_0/checkpoints/epoch={at // STEPS - 1}-step={at}.ckpt",
            monitor="val_acc",
            mode="max",
            score=value_at("val_acc", at),
            epoch=at // STEPS - 1,
            step=at,
            is_best=is_best,
            is_last=is_last,
            sha256=f"{random.Random(at).getrandbits(256):064x}",
            size_bytes=352_871,
            saved_at=start + timedelta(seconds=6 + at / (EPOCHS * STEPS) * 120),
        )
        for at, is_best, is_last in kinds
    )


def log_text(step: int) -> str:
    """The output up to a step: a banner, a coloured warning, and a progress bar that rewrites its line."""
    lines = [
        "Seed set to 1",
        "\x1b[33mYou are using the plain ModelCheckpoint callback.\x1b[0m",
        "GPU available: False, used: False",
        "  | Name    | Type       | Params | Mode",
        "0 | network | Sequential | 28.9 K | train",
    ]
    epochs, now = divmod(step, STEPS)
    for epoch in range(epochs):
        score = value_at("val_acc", (epoch + 1) * STEPS)
        lines.append(_bars(epoch, STEPS) + f" [00:02<00:00, 17.9it/s, val_acc={score:.3f}]")
    return "\n".join([*lines, _bars(epochs, now)])


def _bars(epoch: int, upto: int) -> str:
    """Return a progress bar as it is written: every state again, each after a carriage return."""
    states = range(1, upto + 1)
    return "".join(
        f"\rEpoch {epoch}: {100 * i // STEPS:3d}%|{'█' * (i // 4):9s}| {i}/{STEPS}" for i in states
    )


def moment() -> datetime:
    """Now."""
    return datetime.now(UTC)
