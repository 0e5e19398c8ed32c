"""The page that says which faults were proved says as much of what was not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fault_matrix import NOTE, FaultMatrix


def report(name: str, outcome: str = "passed", *, note: str = "") -> pytest.TestReport:
    return pytest.TestReport(
        nodeid=f"tests/test_some.py::{name}",
        location=("tests/test_some.py", 1, name),
        keywords={},
        outcome=outcome,  # type: ignore[arg-type]
        longrepr=None,
        when="call",
        duration=1.5,
        user_properties=[(NOTE, note)] if note else [],
    )


def rows(tmp_path: Path, *reports: pytest.TestReport) -> dict[str, list[str]]:
    matrix = FaultMatrix(tmp_path / "page.md")
    for each in reports:
        matrix.pytest_runtest_logreport(each)
    matrix.pytest_sessionfinish()
    lines = (tmp_path / "page.md").read_text().splitlines()
    cells = [[c.strip() for c in line.split("|")[1:-1]] for line in lines if line.startswith("| ")]
    return {row[0]: row[2:] for row in cells}


def test_what_was_proved_is_told_with_its_notes_time_and_number_of_tests(tmp_path: Path) -> None:
    page = rows(
        tmp_path,
        report("test_E2_a_kill", note="34 points"),
        report("test_B1_one[a]"),
        report("test_B1_one[b]"),
        report("test_without_an_id", "failed"),
    )
    assert page["E2"] == ["passed; 34 points", "1.5 s", "1"]
    assert page["B1"] == ["passed", "3.0 s", "2"]


def test_one_failure_among_several_is_not_hidden(tmp_path: Path) -> None:
    page = rows(tmp_path, report("test_B1_one"), report("test_B1_other", "failed"))
    assert page["B1"] == ["**1 failed** of 2", "3.0 s", "2"]


def test_what_did_not_run_is_said(tmp_path: Path) -> None:
    page = rows(tmp_path)
    assert len(page) == 58, "57 faults and the heading"
    assert page["E2"][0] == "not run (1 tests)"
