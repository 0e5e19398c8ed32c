"""Trains with and without the probe and prints what a step cost; run by `benchmarks/probe_overhead.py`.

It runs in an environment that has Lightning, with the probe on its path, and needs nothing of this repository.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.pytorch import loggers

#: Arm: (kind, log_every_n_steps).
ARMS = {
    "none": ("none", 50),
    "noop": ("noop", 50),
    "probe": ("probe", 50),
    "csv_50": ("csv", 50),
    "tb_50": ("tb", 50),
    "probe_every": ("probe", 1),
    "csv_1": ("csv", 1),
    "tb_1": ("tb", 1),
}
METRICS = (1, 20)
#: Those that the probe implements of the hooks that are called in every step.
HOOKS = ["on_train_batch_start", "on_train_batch_end"]
CALLBACKS = {"probe": "RepoRunnerProbe", "noop": "Callback"}
QUIET = {
    "accelerator": "cpu",
    "enable_checkpointing": False,
    "enable_progress_bar": False,
    "enable_model_summary": False,
}


class Timer:
    """Adds up the processor time spent in some methods of one object."""

    def __init__(self) -> None:
        self.ns = 0
        self._depth = 0

    def watch(self, instance: Any, names: list[str]) -> None:
        for name in names:
            setattr(instance, name, self._timed(getattr(instance, name)))

    def _timed(self, method: Callable[..., Any]) -> Callable[..., Any]:
        clock = time.thread_time_ns  # another process on the processor is not counted

        def timed(*args: Any, **kwargs: Any) -> Any:
            self._depth += 1
            began = clock()
            try:
                return method(*args, **kwargs)
            finally:
                self._depth -= 1
                if not self._depth:
                    self.ns += clock() - began

        return timed


class Model(pl.LightningModule):
    """A step of about a millisecond; it notes wall and processor time of the batches alone."""

    def __init__(self, kind: str, metrics: int, steps: int) -> None:
        super().__init__()
        layers = (torch.nn.Linear(64, 128), torch.nn.ReLU(), torch.nn.Linear(128, 10))
        self.net = torch.nn.Sequential(*layers)
        self.kind, self.metrics, self.steps = kind, metrics, steps
        self.timer = Timer()

    def training_step(self, batch, batch_idx):
        loss = torch.nn.functional.cross_entropy(self.net(batch[0]), batch[1])
        self.log_dict({f"m{i}": loss.detach() for i in range(self.metrics)})
        return loss

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters())

    def on_train_start(self) -> None:
        for callback in self.trainer.callbacks:
            if type(callback).__name__ == CALLBACKS.get(self.kind):
                self.timer.watch(callback, HOOKS)
        if self.trainer.loggers:
            # Lightning's part too: it turns tensors into numbers for a logger, as the probe does for itself.
            self.timer.watch(self.trainer._logger_connector, ["log_metrics"])
        self.timer.ns, self.began = 0, (time.perf_counter(), time.process_time())

    def on_train_batch_end(self, *_: Any) -> None:
        if self.trainer.global_step == self.steps:
            wall, cpu = time.perf_counter() - self.began[0], time.process_time() - self.began[1]
            inside = self.timer.ns / 1e9
            seconds = {"inside": inside, "wall": wall, "cpu": cpu}
            self.result = {name: value / self.steps * 1e6 for name, value in seconds.items()}


class Batches:
    """The same batch, again and again."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.batch = (torch.randn(32, 64), torch.randint(10, (32,)))

    def __iter__(self) -> Iterator[Any]:
        return (self.batch for _ in range(self.count))


def train(arm: str, metrics: int, steps: int) -> dict[str, float]:
    """One training; microseconds per step."""
    kind, every = ARMS[arm]
    logger = {"csv": loggers.CSVLogger, "tb": loggers.TensorBoardLogger}.get(kind)
    trainer = pl.Trainer(
        max_steps=steps,
        log_every_n_steps=every,
        logger=logger(tempfile.mkdtemp(dir=".")) if logger else False,
        callbacks=[pl.Callback()] if kind == "noop" else None,
        **QUIET,
    )
    model = Model(kind, metrics, steps)
    # The probe sits around `fit`; what it wraps is Lightning's own.
    fit = pl.Trainer.fit if kind == "probe" else pl.Trainer.fit.__wrapped__
    fit(trainer, model, Batches(steps + 1))
    return model.result


def cost(steps: int, repeats: int) -> None:
    """All arms in turn, each time another one first; a short round before warms up."""
    for repeat in range(-1, repeats):
        first = repeat % len(ARMS)
        for metrics in METRICS:
            for arm in [*list(ARMS)[first:], *list(ARMS)[:first]]:
                result = train(arm, metrics, steps if repeat >= 0 else 60)
                if repeat >= 0:
                    print(json.dumps({"arm": arm, "metrics": metrics, **result}), flush=True)


class Bare(pl.LightningModule):
    """As little as a step can be, so that there are many of them; tells what the later ones left in memory."""

    def __init__(self, steps: int) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.steps = steps
        self.resident = 0

    def training_step(self, _, batch_idx):
        self.log("m", 1.0)
        if batch_idx == self.steps // 5:
            self.resident = resident_bytes()
        if batch_idx == self.steps - 1:
            grown = resident_bytes() - self.resident
            print(json.dumps({"bytes": grown / (self.steps * 4 // 5)}), flush=True)

    def configure_optimizers(self):
        return None


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("work", choices=("cost", "many"))
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--repeats", type=int, default=1)
    asked = parser.parse_args()
    if asked.work == "cost":
        cost(asked.steps, asked.repeats)
    else:
        trainer = pl.Trainer(max_epochs=1, log_every_n_steps=1, logger=False, **QUIET)
        trainer.fit(Bare(asked.steps), Batches(asked.steps))
