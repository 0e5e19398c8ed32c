from pathlib import Path

from repo_runner.events import EventWriter, read_batch


def test_events_are_numbered_from_one_without_gaps(tmp_path: Path) -> None:
    writer = EventWriter(tmp_path / "events.jsonl")
    for phase in ("fetching", "building"):
        writer.write("phase", phase=phase)
    writer.close()
    events = read_batch(tmp_path / "events.jsonl", 0).events
    assert [(e["seq"], e["phase"]) for e in events] == [(1, "fetching"), (2, "building")]


def test_a_later_writer_goes_on_with_the_numbers(tmp_path: Path) -> None:
    for _ in range(2):
        writer = EventWriter(tmp_path / "events.jsonl")
        writer.write("attempt")
        writer.close()
    assert [e["seq"] for e in read_batch(tmp_path / "events.jsonl", 0).events] == [1, 2]


def test_a_line_without_its_newline_is_left_for_the_next_read(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(b'{"seq":1}\n{"se')
    first = read_batch(path, 0)
    path.write_bytes(b'{"seq":1}\n{"seq":2}\n')
    second = read_batch(path, first.next_offset)
    assert [e["seq"] for e in (*first.events, *second.events)] == [1, 2]


def test_a_torn_line_of_a_killed_writer_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(b'{"seq":7}\n{"seq":8,"kin')
    writer = EventWriter(path)
    writer.write("note")
    writer.close()
    assert [e["seq"] for e in read_batch(path, 0).events] == [7, 8]


def test_a_missing_stream_has_no_events(tmp_path: Path) -> None:
    assert read_batch(tmp_path / "none.jsonl", 0).events == ()
