from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import psutil
import pynvml
import pytest

from repo_runner.events import EventWriter, read_batch
from repo_runner.gpus import GpuUsage, usage_of
from repo_runner.resources import ResourcePoint, peaks
from repo_runner.usage import UsageMeter


def point(at: int, cpu: float, gpu: float | None = None) -> ResourcePoint:
    return ResourcePoint(timestamp=at, cpu_percent=cpu, memory_bytes=at, gpu_percent=gpu)


def test_a_short_run_is_shown_as_it_was() -> None:
    points = [point(0, 1.0), point(1, 2.0)]
    assert peaks(points, 10) == tuple(points)


def test_thinning_keeps_every_peak() -> None:
    points = [
        point(at, 400.0 if at == 537 else 1.0, 99.0 if at == 3 else 5.0) for at in range(1000)
    ]
    kept = peaks(points, 10)
    assert len(kept) == 10
    assert max(one.cpu_percent for one in kept) == 400.0
    assert kept[0].gpu_percent == 99.0
    assert kept[-1].timestamp == 999


def test_a_busy_process_is_seen_and_one_without_a_gpu_says_nothing_of_one(tmp_path: Path) -> None:
    meter = UsageMeter(EventWriter(tmp_path / "events.jsonl"))
    this = [psutil.Process(os.getpid())]
    meter.sample(this, 1.0)
    spent = sum(psutil.Process().cpu_times()[:2])
    while sum(psutil.Process().cpu_times()[:2]) - spent < 0.05:
        pass
    facts = meter.sample(this, 0.05)
    assert facts["cpu_percent"] > 50
    assert facts["memory_bytes"] > 1 << 20
    assert "gpu_percent" not in facts


def test_the_first_moments_are_sampled_only_when_it_is_time(tmp_path: Path) -> None:
    meter = UsageMeter(EventWriter(tmp_path / "events.jsonl"))
    meter.tick()
    assert read_batch(tmp_path / "events.jsonl", 0).events == ()


def test_only_the_gpus_that_the_run_is_on_count(monkeypatch: pytest.MonkeyPatch) -> None:
    on = {
        "first": [
            SimpleNamespace(pid=1, usedGpuMemory=100),
            SimpleNamespace(pid=9, usedGpuMemory=7),
        ],
        "second": [SimpleNamespace(pid=2, usedGpuMemory=None)],
        "others": [SimpleNamespace(pid=9, usedGpuMemory=7)],
    }
    use = {"first": 40, "second": 70, "others": 99}
    monkeypatch.setattr(pynvml, "nvmlDeviceGetComputeRunningProcesses", on.__getitem__)
    monkeypatch.setattr(
        pynvml, "nvmlDeviceGetUtilizationRates", lambda name: SimpleNamespace(gpu=use[name])
    )
    assert usage_of(list(on), {1, 2}) == GpuUsage(70.0, 100)
    assert usage_of(list(on), {3}) is None
