from __future__ import annotations

import time

import pytest

from ui.widgets.terminal import screen


def shown(text: str) -> list[str]:
    return [line for _, line in screen(text.encode(), 0)]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("one\ntwo", ["one", "two"]),
        ("one\r\ntwo\r\n", ["one", "two"]),
        ("10%|#   |\r50%|##  |\r100%|####|\nend", ["100%|####|", "end"]),
        ("a long line\r\x1b[Kshort", ["short"]),
        ("bar 10%\r", ["bar 10%"]),
        ("\x1b[31mred\x1b[0m", ["\x1b[31mred\x1b[0m"]),
        ("\x1b]0;title\x07text\x1b]8;;http://evil\x1b\\link", ["textlink"]),
        ("a\x00b\x08c\td", ["abc\td"]),
        ("user\u202egpj.exe \u009b31m", ["usergpj.exe 31m"]),
        ("\x1b[5A up from the top", [" up from the top"]),
        ("", []),
    ],
)
def test_a_line_is_what_a_terminal_would_show(text: str, lines: list[str]) -> None:
    assert shown(text) == lines


def test_an_inner_bar_rewrites_its_own_line() -> None:
    """As tqdm writes two nested bars: down, draw, up, and at the end the inner one is wiped."""
    inner = "".join(f"\n\rval {i}/9\x1b[A" for i in range(10))
    assert shown(f"\rEpoch 0: 1/2{inner}") == ["Epoch 0: 1/2", "val 9/9"]
    wiped = f"\rEpoch 0: 1/2{inner}\n\r          \x1b[A\rEpoch 0: 2/2\ndone"
    assert shown(wiped) == ["Epoch 0: 2/2", "done"]


def test_a_line_that_is_written_in_pieces_stays_whole() -> None:
    assert shown("Epoch 3: 100%`fit` stopped") == ["Epoch 3: 100%`fit` stopped"]


def test_a_very_long_line_is_cut_and_says_so() -> None:
    assert shown("x" * 9_000)[0].endswith("… (9,000 characters)")


def test_a_hostile_piece_costs_no_more_than_its_length() -> None:
    pieces = [b"\x1b[999999999B" * 9_000, b"\x1b]" * 60_000, b"\x1b[" * 60_000, b"\x1b[0m" * 30_000]
    pieces += [b"\x1b[" + b"9" * 100_000 + b"A"]
    began = time.thread_time()
    for piece in pieces:
        screen(piece, 0)
    assert time.thread_time() - began < 5
