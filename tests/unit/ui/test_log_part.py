from __future__ import annotations

import pytest

from repo_runner.models import LogSlice
from ui.views import log_part
from ui.views.log_part import MAX_PIECES, LogPart

LINES = [f"line {n} is{' größe' * (n % 5)}" for n in range(40_000)]
DATA = ("\n".join(LINES) + "\n").encode()


class Output:
    """A log of which a stretch in the middle may not have been kept."""

    def __init__(self, hole: tuple[int, int] = (0, 0)) -> None:
        self.hole = hole

    def logs(self, _run_id: str, *, after: int, upto: int, stream: str) -> LogSlice:
        begin, end = self.hole
        pieces = [DATA[after : min(upto, begin)], DATA[max(after, end) : upto]]
        at = min(upto, len(DATA)) if pieces[1] else min(upto, begin)
        text = b"".join(pieces).decode(errors="replace")
        return LogSlice(text=text, next_offset=at, size_bytes=len(DATA), dropped_bytes=end - begin)


@pytest.fixture
def output(monkeypatch: pytest.MonkeyPatch) -> Output:
    output = Output()
    monkeypatch.setattr(log_part, "client", lambda: output)
    return output


def is_piece_of_the_log(part: LogPart) -> bool:
    """Every line once, in order, each at its place."""
    lines = part.lines
    assert all(DATA[place:].startswith(f"{text}\n".encode()) for place, text in lines)
    first = LINES.index(lines[0][1])
    return [text for _, text in lines] == LINES[first : first + len(lines)]


def test_scrolling_back_goes_to_the_first_line_without_gap_or_repetition(output: Output) -> None:
    place = DATA.index(b"line 15000 ")
    part = LogPart.around("r", "output", place)
    assert place in [where for where, _ in part.lines]
    while part.start > 0:
        before = part.lines[0]
        part.older()
        assert before in part.lines
        assert is_piece_of_the_log(part)
    assert part.lines[0] == (0, "line 0 is")


def test_what_is_held_is_bounded_and_goes_on_to_the_last_line(output: Output) -> None:
    part = LogPart.around("r", "output", 0)
    while part.end < part.size_bytes:
        part.newer()
        assert is_piece_of_the_log(part)
        assert len(part.lines) < MAX_PIECES * log_part.PIECE_BYTES / 7
    assert part.lines[-1][1] == LINES[-1]
    assert part.start > 0


def test_it_begins_with_the_lines_that_are_there_already(output: Output) -> None:
    start = DATA.index(b"line 19990 ")
    shown = [(start, LINES[19990])]
    part = LogPart.ending("r", "output", shown, len(DATA), len(DATA))
    assert part.lines[-1] == shown[0]
    assert part.lines[-2][1] == LINES[19989]
    assert part.end == len(DATA)


def test_a_stretch_that_was_not_kept_is_said_and_jumped_over(
    output: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin, end = DATA.index(b"line 5000 "), DATA.index(b"line 15000 ")
    output.hole = (begin, end)
    part = LogPart.around("r", "output", end)
    while part.start > begin:
        part.older()
    texts = [text for _, text in part.lines]
    at = texts.index(LINES[15000])
    assert "were not kept" in texts[at - 1]
    assert texts[at - 2] == LINES[4999]
