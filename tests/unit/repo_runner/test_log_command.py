import pytest

from repo_runner import cli
from repo_runner.client import Client
from repo_runner.models import LogMatch, LogSearch

FOUND = LogSearch(
    matches=(
        LogMatch(line=3, offset=8, text="Error", before=("two",), after=("four",)),
        LogMatch(line=9, offset=40, text="error"),
    ),
    next_offset=99,
    size_bytes=1000,
    dropped_bytes=7,
)


def test_a_search_prints_as_grep_does_and_says_what_it_leaves_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = {}
    monkeypatch.setattr(Client, "search_logs", lambda *_, **o: asked.update(o) or FOUND)
    address = ["--address", "http://127.0.0.1:1"]
    assert cli.main([*address, "logs", "r", "--search", "error", "--match-case"]) == 0
    printed = capsys.readouterr()
    assert printed.out == "2-two\n3:Error\n4-four\n--\n9:error\n"
    assert "first 2" in printed.err
    assert "7 bytes" in printed.err
    assert asked["match_case"]
