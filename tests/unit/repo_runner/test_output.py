from pathlib import Path

from repo_runner.kept_output import (
    KeptOutput,
    last_line,
    last_lines,
    read_output,
    read_output_tail,
)
from repo_runner.output import OutputWriter


def write(path: Path, data: bytes, *, max_bytes: int = 800) -> OutputWriter:
    writer = OutputWriter(path, max_bytes)
    writer.write(data)
    writer.close()
    return writer


def test_output_comes_back_byte_for_byte(tmp_path: Path) -> None:
    data = b"epoch 1\r\xff\x00 no newline"
    write(tmp_path / "output.log", data)
    assert read_output(tmp_path / "output.log", 0).data == data


def test_a_full_log_keeps_its_head_and_its_tail_and_counts_the_rest(tmp_path: Path) -> None:
    data = bytes(i % 251 for i in range(5000))
    write(tmp_path / "output.log", data)
    everything = read_output(tmp_path / "output.log", 0)
    assert everything.data[:400] == data[:400]
    assert everything.data[-400:] == data[-400:]
    assert everything.dropped_bytes == 5000 - len(everything.data)
    assert everything.size_bytes == 5000


def test_the_disk_never_holds_more_than_the_limit_and_one_segment(tmp_path: Path) -> None:
    write(tmp_path / "output.log", b"x" * 100_000)
    assert sum(p.stat().st_size for p in tmp_path.iterdir()) <= 1000


def test_reading_goes_on_where_it_ended(tmp_path: Path) -> None:
    write(tmp_path / "output.log", b"first ")
    first = read_output(tmp_path / "output.log", 0)
    write(tmp_path / "output.log", b"second")
    assert read_output(tmp_path / "output.log", first.next_offset).data == b"second"


def test_the_tail_is_the_newest_part(tmp_path: Path) -> None:
    write(tmp_path / "output.log", b"old new")
    assert read_output_tail(tmp_path / "output.log", 3).data == b"new"


def test_a_progress_bar_counts_as_its_last_state(tmp_path: Path) -> None:
    write(tmp_path / "output.log", b"start\n 10%\r 50%\r100%\nend\n")
    assert last_lines(tmp_path / "output.log", 5) == ["start", "100%", "end"]


def test_a_missing_log_is_empty(tmp_path: Path) -> None:
    assert read_output(tmp_path / "output.log", 0).data == b""


def test_colours_and_cursor_movements_are_no_text(tmp_path: Path) -> None:
    write(tmp_path / "output.log", b"\x1b[31mred\x1b[0m\nbar\x1b[A\n")
    assert last_lines(tmp_path / "output.log", 5) == ["red", "bar"]


def test_what_was_dropped_at_the_very_end_is_counted_too(tmp_path: Path) -> None:
    path = tmp_path / "output.log"
    writer = OutputWriter(path, 1000)
    writer.write(b"one\n")
    writer.drop(100, 3)
    writer.close()
    assert (KeptOutput.of(path).size_bytes, KeptOutput.of(path).dropped_bytes) == (104, 100)
    again = OutputWriter(path, 1000)
    again.write(b"two\n")
    again.close()
    assert read_output(path, 0).data == b"one\ntwo\n"
    assert (KeptOutput.of(path).size_bytes, last_line(KeptOutput.of(path))) == (108, 5)
