"""D9: a clock that jumps by a day changes no duration, ends nothing early and loses no retry."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from repo_runner import clock
from repo_runner.events import EventWriter, read_batch
from repo_runner.limit_watch import LimitWatch
from repo_runner.models import Limits
from repo_runner.store_queue import QueueStore
from tests.integration.faults.conftest import Faulty

DAY_S = 86400.0


@pytest.fixture(params=[DAY_S, -DAY_S], ids=["forward", "back"])
def jumped(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> float:
    """The wall clock is set by a day."""
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + request.param)
    return request.param


def test_D9_a_limit_of_time_does_not_see_the_clock_jump(tmp_path: Path, jumped: float) -> None:
    writer = EventWriter(tmp_path / "events.jsonl")
    watch = LimitWatch(Limits(time_s=3600, silence_s=3600), tmp_path, writer)
    assert watch.look(activity=0) is None
    writer.close()


def test_D9_the_times_of_a_runs_events_only_grow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer, real = EventWriter(tmp_path / "events.jsonl"), time.time
    for jump in (0.0, DAY_S, -DAY_S):
        monkeypatch.setattr(time, "time", lambda jump=jump: real() + jump)
        writer.write("note")
    writer.close()
    times = [event["t"] for event in read_batch(tmp_path / "events.jsonl", 0).events]
    assert times == sorted(times)
    assert times[-1] - times[0] < 60
    assert abs(clock.now() - real()) < 3600


def test_D9_a_duration_is_what_has_passed(faulty: Faulty, monkeypatch: pytest.MonkeyPatch) -> None:
    real = time.time
    with faulty.running("print('ready', flush=True)\nimport time; time.sleep(1)\n") as run_id:
        monkeypatch.setattr(time, "time", lambda: real() + DAY_S)
        alive = faulty.manager.get(run_id).duration_s
        ended = faulty.ended(run_id).duration_s
    assert alive is not None
    assert ended is not None
    assert alive < 300
    assert 1 <= ended < 300


def test_D9_a_retry_is_not_lost_when_the_clock_is_set_back(
    faulty: Faulty, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id, real = faulty.submit("print()\n"), time.time
    faulty.manager.store.begin(run_id)
    queue = QueueStore(faulty.manager.store)
    assert queue.try_again(run_id, retry_at=real() + 10)
    assert list(faulty.manager.due([])) == []
    monkeypatch.setattr(time, "time", lambda: real() - DAY_S)
    assert list(faulty.manager.due([])) == [run_id]
