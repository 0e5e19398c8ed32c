from __future__ import annotations

from typing import Any

import pytest

from repo_runner.models import LogSlice
from ui.views import log_reader
from ui.views.log_reader import LogReader


class Output:
    """A log that grows, asked for as the client is."""

    def __init__(self) -> None:
        self.data = b""
        self.asked: list[dict[str, Any]] = []

    def logs(
        self, _run_id: str, *, after: int | None = None, tail: int | None = None, stream: str
    ) -> LogSlice:
        self.asked.append({"after": after, "tail": tail, "stream": stream})
        start = after if after is not None else max(0, len(self.data) - (tail or 0))
        text = self.data[start:].decode(errors="replace")
        return LogSlice(
            text=text, next_offset=max(start, len(self.data)), size_bytes=len(self.data)
        )


@pytest.fixture
def output(monkeypatch: pytest.MonkeyPatch) -> Output:
    output = Output()
    monkeypatch.setattr(log_reader, "client", lambda: output)
    return output


def grow(output: Output, reader: LogReader, *pieces: bytes) -> list[str]:
    for piece in pieces:
        output.data += piece
        reader.read()
    return [text for _, text in reader.lines()]


def test_only_what_is_new_is_asked_for(output: Output) -> None:
    reader = LogReader("r", "output")
    assert grow(output, reader, b"one\n", b"two\n") == ["one", "two"]
    assert [asked["after"] for asked in output.asked] == [None, 4]


def test_a_line_keeps_its_place(output: Output) -> None:
    reader = LogReader("r", "output")
    grow(output, reader, "one\ntwö\nbar 1".encode())
    before = reader.lines()
    grow(output, reader, b"\rbar 2\nend")
    assert [place for place, _ in reader.lines()] == [0, 4, 9, 21]
    assert before[:2] == reader.lines()[:2]


@pytest.mark.parametrize("text", ["a \x1b[31mred\x1b[0m\nx \x1b[2Ay", "größe 😀 done"])
def test_it_does_not_matter_where_a_piece_ends(output: Output, text: str) -> None:
    data = text.encode()
    whole, bytewise = LogReader("r", "output"), LogReader("r", "output")
    pieces = [data[i : i + 1] for i in range(len(data))]
    assert grow(output, bytewise, *pieces) == grow(output, whole, b"")


def test_bytes_that_are_no_text_do_not_hold_it_up(output: Output) -> None:
    reader = LogReader("r", "output")
    assert grow(output, reader, b"a\xff", b"b\n", b"c") == ["a\ufffdb", "c"]


def test_a_log_that_began_anew_is_read_anew(output: Output) -> None:
    reader = LogReader("r", "output")
    grow(output, reader, b"first attempt\n")
    output.data = b""
    assert grow(output, reader, b"again\n") == ["again"]


def test_of_a_long_log_only_the_end_is_read(
    output: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_reader, "FIRST_BYTES", 14)
    reader = LogReader("r", "output")
    assert grow(output, reader, b"a long line\nlast line\n") == ["last line"]
    assert reader.skipped_bytes == 8
