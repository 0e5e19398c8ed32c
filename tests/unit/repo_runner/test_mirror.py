"""A run folder written from frames."""

from __future__ import annotations

from pathlib import Path

from repo_runner.backends.mirror import Mirror
from repo_runner.frames import Frame
from repo_runner.kept_output import read_output
from repo_runner.paths import RunPaths

EVENTS = b'{"seq":1}\n{"seq":2}\n'


def mirror(tmp_path: Path) -> tuple[RunPaths, Mirror]:
    paths = RunPaths(tmp_path)
    return paths, Mirror(paths, 1 << 20)


def test_reading_the_log_again_from_its_beginning_adds_nothing(tmp_path: Path) -> None:
    paths, first = mirror(tmp_path)
    frames = [Frame("events.jsonl", 0, EVENTS[:7]), Frame("events.jsonl", 7, EVENTS[7:])]
    frames += [Frame("output.log", 0, b"one\n"), Frame("output.log", 4, b"two\n", line=1)]
    for frame in (*frames, *frames):
        first.take(frame)
    first.close()
    again = Mirror(paths, 1 << 20)
    for frame in frames:
        again.take(frame)
    again.close()
    assert paths.events.read_bytes() == EVENTS
    assert paths.output.read_bytes() == b"one\ntwo\n"


def test_a_write_that_was_cut_off_is_completed(tmp_path: Path) -> None:
    paths, follower = mirror(tmp_path)
    paths.events.write_bytes(EVENTS[:5])
    follower.take(Frame("events.jsonl", 0, EVENTS))
    assert paths.events.read_bytes() == EVENTS


def test_what_was_dropped_on_the_node_is_a_counted_gap_here(tmp_path: Path) -> None:
    paths, follower = mirror(tmp_path)
    follower.take(Frame("output.log", 0, b"head\n", line=0))
    follower.take(Frame("output.log", 1000, b"tail\n", line=200))
    piece = read_output(paths.output, 0)
    assert (piece.data, piece.size_bytes, piece.dropped_bytes) == (b"head\ntail\n", 1005, 995)


def test_a_record_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    paths, follower = mirror(tmp_path)
    follower.take(Frame("exit.json", 0, b'{"att', total=12))
    assert not paths.exit.exists() and not follower.has_exit
    follower.take(Frame("exit.json", 5, b'empt":1', total=12))
    assert paths.exit.read_text() == '{"attempt":1' and follower.has_exit


def test_no_frame_writes_a_file_that_is_not_known(tmp_path: Path) -> None:
    _, follower = mirror(tmp_path)
    for name in ("../outside", "spec.json", "lock", "checkpoints/x"):
        follower.take(Frame(name, 0, b"x", total=1))
    assert [p.name for p in tmp_path.iterdir()] == ["output.log"]
