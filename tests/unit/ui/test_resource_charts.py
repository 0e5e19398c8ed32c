from __future__ import annotations

from repo_runner.resources import ResourcePoint
from ui.widgets.resource_charts import resource_charts


def point(at: float, **gpu: float) -> ResourcePoint:
    return ResourcePoint(timestamp=at, cpu_percent=150.0, memory_bytes=2_500_000_000, **gpu)


def test_one_moment_is_no_curve() -> None:
    assert resource_charts([point(1)]) == []


def test_without_a_gpu_there_is_no_chart_of_one() -> None:
    charts = resource_charts([point(10), point(12)])
    assert [chart["name"] for chart in charts] == ["CPU, %", "Memory, GB"]
    assert charts[1]["lines"][0]["values"] == [2.5, 2.5]
    assert charts[1]["lines"][0]["times"] == [0, 2]


def test_a_gpu_that_is_used_later_leaves_a_gap_before() -> None:
    charts = resource_charts([point(1), point(2, gpu_percent=40.0, gpu_memory_bytes=10**9)])
    assert charts[2]["lines"][0]["values"] == [None, 40.0]
    assert charts[3]["lines"][0]["values"] == [None, 1.0]
