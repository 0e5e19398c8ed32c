from __future__ import annotations

import pytest

from repo_runner.models import LogSlice
from ui.widgets.log_view import collapse, lines_of, note_of


def log(text: str, dropped_before: int = 0, size: int | None = None) -> LogSlice:
    end = dropped_before + len(text.encode())
    return LogSlice(text=text, next_offset=end, size_bytes=size or end)


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("10%|#   |\r50%|##  |\r100%|####|", "100%|####|"),
        ("done\r", "done"),
        ("\rEpoch 1: 3/9 \x1b[A\x1b[2K", "Epoch 1: 3/9 "),
        ("\x1b[31mred\x1b[0m", "\x1b[31mred\x1b[0m"),
        ("\x1b]0;title\x07text\x1b]8;;http://evil\x1b\\link", "textlink"),
        ("a\x00b\x08c\td", "abc\td"),
        ("user\u202egpj.exe", "usergpj.exe"),
        ("\x9b31m", "31m"),
    ],
)
def test_a_line_is_what_a_terminal_would_show(line: str, shown: str) -> None:
    assert collapse(line) == shown


def test_a_very_long_line_is_cut_and_says_so() -> None:
    assert collapse("x" * 9_000).endswith("… (9,000 characters)")


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
