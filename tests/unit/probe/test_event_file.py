"""The file is written whole line by whole line, whatever the system does."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from repo_runner_probe.event_file import FAILURES_ALLOWED, EventFile


def test_lines_are_appended(tmp_path, clock):
    file = EventFile(str(tmp_path / "events"), clock)
    assert file.append(b"one\n")
    assert file.append(b"two\n")
    assert (tmp_path / "events").read_bytes() == b"one\ntwo\n"


def test_what_another_process_left_half_written_does_not_spoil_the_first_line(tmp_path, clock):
    (tmp_path / "events").write_bytes(b'{"half')
    EventFile(str(tmp_path / "events"), clock).append(b"one\n")
    assert (tmp_path / "events").read_bytes() == b'{"half\none\n'


def test_a_folder_that_appears_late_gets_everything(tmp_path, clock):
    file = EventFile(str(tmp_path / "late" / "events"), clock)
    file.append(b"one\n")
    (tmp_path / "late").mkdir()
    assert not file.append(b"two\n"), "it waits before it tries again"
    clock.advance(60)
    assert file.append(b"two\n")
    assert (tmp_path / "late" / "events").read_bytes() == b"one\ntwo\n"


def test_a_line_cut_short_is_finished_before_the_next_one(tmp_path, clock, monkeypatch):
    real_write = os.write
    room = [4]

    def write(descriptor: int, data: bytes) -> int:
        if not room[0]:
            raise OSError(errno.ENOSPC, "full")
        data = data[: room[0]]
        room[0] -= len(data)
        return real_write(descriptor, data)

    monkeypatch.setattr(os, "write", write)
    file = EventFile(str(tmp_path / "events"), clock)
    file.append(b"first line\n")
    room[0] = 1000
    clock.advance(60)
    file.append(b"second line\n")
    assert (tmp_path / "events").read_bytes() == b"first line\nsecond line\n"


def test_a_closed_pipe_is_given_up_at_once(tmp_path, clock, monkeypatch):
    def write(descriptor: int, data: bytes) -> int:
        raise OSError(errno.EPIPE, "closed")

    monkeypatch.setattr(os, "write", write)
    file = EventFile(str(tmp_path / "events"), clock)
    file.append(b"one\n")
    monkeypatch.undo()
    assert file.append(b"two\n"), "the caller may forget the line"
    assert (tmp_path / "events").read_bytes() == b""


def test_a_pipe_that_nobody_reads_does_not_block(tmp_path, clock):
    os.mkfifo(tmp_path / "events")
    file = EventFile(str(tmp_path / "events"), clock)
    file.append(b"one\n")
    assert not file.append(b"two\n")


def test_after_many_failures_it_stops_trying(tmp_path, clock):
    file = EventFile(str(tmp_path / "missing" / "events"), clock)
    for _ in range(FAILURES_ALLOWED + 1):
        file.append(b"one\n")
        clock.advance(60)
    (tmp_path / "missing").mkdir()
    assert file.append(b"two\n")
    assert not list(Path(tmp_path / "missing").iterdir())


@pytest.mark.parametrize("failures", [1, 2, 3])
def test_pauses_between_attempts_grow(tmp_path, clock, failures):
    file = EventFile(str(tmp_path / "missing" / "events"), clock)
    for _ in range(failures):
        file.append(b"one\n")
        clock.advance(60)
    file.append(b"one\n")
    (tmp_path / "missing").mkdir()
    clock.advance(0.5 * 2 ** (failures + 1) - 0.01)
    assert not file.append(b"two\n")
    clock.advance(0.02)
    assert file.append(b"two\n")
