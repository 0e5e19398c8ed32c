from pathlib import Path

import pytest

from repo_runner.log_search import Search, search_log
from repo_runner.output import OutputWriter


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "output.log"


def write(path: Path, data: bytes, *, max_bytes: int = 1 << 20) -> None:
    writer = OutputWriter(path, max_bytes)
    writer.write(data)
    writer.close()


def texts(path: Path, q: str, **options: object) -> list[str]:
    return [m.text for m in search_log(path, Search(q, **options)).matches]


def test_a_match_comes_with_its_line_number_its_offset_and_the_lines_around(log: Path) -> None:
    write(log, b"one\ntwo\nthree\nfour\nfive\n")
    (match,) = search_log(log, Search("three", context=1)).matches
    assert (match.line, match.offset, match.text) == (3, 8, "three")
    assert (match.before, match.after) == (("two",), ("four",))


def test_the_first_line_has_nothing_before_it_and_the_last_nothing_after(log: Path) -> None:
    write(log, b"a error\nb\nc error")
    first, last = search_log(log, Search("error", context=5)).matches
    assert (first.line, first.before, first.after) == (1, (), ("b", "c error"))
    assert (last.line, last.before, last.after) == (3, ("a error", "b"), ())


def test_capitals_count_as_small_letters_unless_asked(log: Path) -> None:
    write(log, b"Error\nerror\nERROR\n")
    assert texts(log, "eRRor") == ["Error", "error", "ERROR"]
    assert texts(log, "error", match_case=True) == ["error"]


def test_two_matches_in_a_line_are_one(log: Path) -> None:
    write(log, b"loss loss loss\nloss\n")
    assert [m.line for m in search_log(log, Search("loss")).matches] == [1, 2]


def test_more_matches_than_asked_for_are_said_and_the_search_goes_on_from_there(log: Path) -> None:
    write(log, b"".join(b"loss %d\n" % n for n in range(25)))
    seen, after = [], 0
    while True:
        found = search_log(log, Search("loss", limit=10, after=after))
        seen += [m.line for m in found.matches]
        if found.next_offset is None:
            break
        after = found.next_offset
    assert seen == list(range(1, 26))


@pytest.mark.parametrize("at", range((128 << 10) - 8, (128 << 10) + 2))
def test_a_match_on_the_border_of_two_reads_is_found_once(log: Path, at: int) -> None:
    write(log, b"x" * (at - 1) + b"\nneedle\n")
    (match,) = search_log(log, Search("needle")).matches
    assert (match.line, match.offset) == (2, at)


def test_lines_are_numbered_over_what_was_dropped(log: Path) -> None:
    write(log, b"".join(b"line %05d\n" % n for n in range(1, 10_001)), max_bytes=8000)
    found = search_log(log, Search("line", limit=1000))
    assert found.dropped_bytes > 0
    assert all(m.text == f"line {m.line:05}" for m in found.matches)
    assert found.matches[0].line == 1
    assert found.matches[-1].line == 10_000


def test_every_kept_line_is_found_whole_wherever_files_end(log: Path) -> None:
    write(log, b"".join(b"line %05d\n" % n for n in range(1, 301)), max_bytes=8000)
    assert texts(log, "line", limit=1000) == [f"line {n:05}" for n in range(1, 301)]


def test_a_progress_bar_is_one_line_and_its_matching_state_is_shown(log: Path) -> None:
    write(log, b"start\n 10%\r 50% loss=2\r100% loss=1\nend\n")
    (match,) = search_log(log, Search("50%", context=1)).matches
    assert (match.line, match.text.strip(), match.after) == (2, "50% loss=2", ("end",))


def test_a_match_in_a_very_long_line_is_shown_with_what_is_around_it(log: Path) -> None:
    write(log, b"a" * 5_000_000 + b"needle" + b"b" * 5_000_000, max_bytes=1 << 26)
    (match,) = search_log(log, Search("needle")).matches
    assert "aneedleb" in match.text
    assert len(match.text) <= 2000


def test_binary_output_is_searched_too(log: Path) -> None:
    write(log, bytes(range(256)) * 50 + b"\nneedle\xff\n")
    assert texts(log, "needle") == ["needle\ufffd"]


def test_the_build_log_is_not_mixed_with_the_output(tmp_path: Path) -> None:
    write(tmp_path / "output.log", b"needle\n" * 1000, max_bytes=800)
    (tmp_path / "build.log").write_text("needle\n")
    assert len(texts(tmp_path / "build.log", "needle")) == 1


def test_a_missing_log_holds_nothing(log: Path) -> None:
    assert search_log(log, Search("needle")).matches == ()
