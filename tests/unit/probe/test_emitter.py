"""Events are numbered, soon on disk and never more than fit into the buffer."""

from __future__ import annotations

import json
import os

import pytest
from repo_runner_probe import emitter, line_buffer
from repo_runner_probe.emitter import Emitter
from repo_runner_probe.line_buffer import LineBuffer


def written(folder):
    return [json.loads(line) for file in folder.iterdir() for line in file.read_text().splitlines()]


def test_an_event_has_the_common_fields(tmp_path, clock):
    Emitter(str(tmp_path), clock).emit("hello", {"rank": 0})
    (event,) = written(tmp_path)
    assert (event["v"], event["ev"], event["seq"], event["pid"]) == (1, "hello", 1, os.getpid())
    assert event["rank"] == 0


def test_a_rare_event_is_on_disk_at_once(tmp_path, clock):
    events = Emitter(str(tmp_path), clock)
    events.emit("step", {})
    events.emit("step", {})
    assert [event["seq"] for event in written(tmp_path)] == [1]
    events.emit("checkpoint", {})
    assert [event["seq"] for event in written(tmp_path)] == [1, 2, 3]


def test_frequent_events_wait_for_the_interval(tmp_path, clock):
    events = Emitter(str(tmp_path), clock)
    events.emit("step", {})
    events.emit("step", {})
    events.flush_if_due()
    assert len(written(tmp_path)) == 1
    clock.advance(emitter.FLUSH_INTERVAL_S)
    events.flush_if_due()
    assert len(written(tmp_path)) == 2


def test_lost_events_are_counted_and_leave_a_gap(tmp_path, clock):
    events = Emitter(str(tmp_path / "late"), clock)
    for _ in range(20_000):
        events.emit("step", {"text": "x" * 100})
    (tmp_path / "late").mkdir()
    clock.advance(60)
    events.emit("train_end", {})
    numbers = [event["seq"] for event in written(tmp_path / "late")]
    assert numbers[-1] == 20_001
    assert len(numbers) == 20_001 - events.dropped
    assert events.dropped > 0


def test_steps_end_when_the_file_is_too_large_but_rare_events_do_not(tmp_path, clock, monkeypatch):
    monkeypatch.setattr(emitter, "LARGEST_FILE_BYTES", 10)
    events = Emitter(str(tmp_path), clock)
    events.emit("hello", {})
    events.emit("step", {})
    events.emit("train_end", {})
    assert [event["ev"] for event in written(tmp_path)] == ["hello", "train_end"]
    assert events.dropped == 1


def test_a_full_buffer_gives_up_the_oldest_expendable_lines():
    buffer = LineBuffer(capacity_bytes=100)
    buffer.add(b"keep" + b"." * 36, expendable=False)
    buffer.add(b"old." + b"." * 26, expendable=True)
    buffer.add(b"new." + b"." * 26, expendable=True)
    buffer.add(b"last" + b"." * 26, expendable=False)
    assert [buffer.content().count(word) for word in (b"keep", b"old.", b"last")] == [1, 0, 1]
    assert buffer.size_bytes == len(buffer.content()) <= 100


def test_a_line_larger_than_the_buffer_is_dropped():
    buffer = LineBuffer()
    buffer.add(b"x" * (line_buffer.CAPACITY_BYTES + 1), expendable=False)
    assert (buffer.content(), buffer.dropped) == (b"", 1)


def test_an_event_that_is_not_json_is_lost_alone(tmp_path, clock):
    events = Emitter(str(tmp_path), clock)
    events.emit("hello", {})
    events.emit("step", {"m": object()})
    events.emit("step", {})
    with pytest.raises(TypeError):
        events.flush()
    events.flush()
    assert [event["seq"] for event in written(tmp_path)] == [1, 3]


def test_an_event_has_the_time_at_which_it_happened(tmp_path, clock, monkeypatch):
    times = iter((10.0, 10.2, 10.4))
    monkeypatch.setattr(emitter.time, "time", lambda: next(times))
    events = Emitter(str(tmp_path), clock)
    for name in ("hello", "step", "train_end"):
        events.emit(name, {})
    assert [event["t"] for event in written(tmp_path)] == [10.0, 10.2, 10.4]
