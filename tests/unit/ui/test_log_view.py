from __future__ import annotations

from repo_runner.models import LogSlice
from ui.widgets.log_view import lines_of, note_of


def log(text: str, dropped_before: int = 0, size: int | None = None) -> LogSlice:
    end = dropped_before + len(text.encode())
    return LogSlice(text=text, next_offset=end, size_bytes=size or end)


def test_a_line_keeps_its_place_while_the_window_moves() -> None:
    whole = "one\ntwö\nthree\nfour"
    first = dict(lines_of(log(whole)))
    later = dict(lines_of(log(whole[6:] + "\nfive", dropped_before=len(whole[:6].encode()))))
    assert later.items() >= {
        (place, text) for place, text in first.items() if text in ("three", "four")
    }


def test_the_broken_first_line_of_a_tail_is_left_out() -> None:
    assert [text for _, text in lines_of(log("lf a line\nwhole\n", dropped_before=7))] == ["whole"]


def test_a_note_says_what_is_not_shown() -> None:
    piece = LogSlice(text="x" * 1_000, next_offset=5_000, size_bytes=5_000, dropped_bytes=2_000_000)
    assert note_of(piece) == "The last 1.0 kB of 5.0 kB. 2.0 MB in the middle were not kept."
    assert note_of(log("all")) == ""
