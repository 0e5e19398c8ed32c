"""The agreement on a stop travels as two numbers, and over no link of the script's making."""

from __future__ import annotations

from pathlib import Path

import pytest

from repo_runner.node.agreement import Agreement


def test_what_rank_zero_named_arrives_as_it_was(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    assert Agreement.in_folder(here).read() == ""
    (here / "stop.at").write_text("1 205")
    Agreement.in_folder(there).place(Agreement.in_folder(here).read())
    assert [(f.name, f.read_text()) for f in there.iterdir()] == [("stop.at", "1 205")]


@pytest.mark.parametrize(
    "words", ["", "1", "1 2 3", "-1 2", "1 2\n", "x" * 10_000, "1 " + "2" * 40]
)
def test_anything_but_two_numbers_is_nothing(tmp_path: Path, words: str) -> None:
    (tmp_path / "stop.at").write_text(words)
    assert Agreement.in_folder(tmp_path).read() == ""


def test_links_of_the_script_are_not_followed(tmp_path: Path) -> None:
    probe, elsewhere = tmp_path / "probe", tmp_path / "elsewhere"
    probe.mkdir()
    elsewhere.write_text("1 2")
    for name in ("stop.at", "stop.at.partial", "stop.at.known"):
        (probe / name).symlink_to(elsewhere)
    agreement = Agreement.in_folder(probe)
    assert agreement.read() == ""
    agreement.say_known()
    assert agreement.place("3 4")
    assert elsewhere.read_text() == "1 2"
    assert agreement.read() == "3 4"
