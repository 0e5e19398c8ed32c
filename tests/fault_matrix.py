"""A pytest plugin that prints which faults were proved: `pytest --fault-matrix docs/fault-matrix.md [--only-faults]`.

A test proves a fault by having its id in its name, `test_E2_…`; `faults.toml` says what each id is. What was not run,
or has no test yet, is said.
"""

from __future__ import annotations

import re
import tomllib
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from _pytest.subtests import SubtestReport

_HERE = Path(__file__).parent
_NAME = re.compile(r"\btest_([A-I]\d+)_\w+")
#: `record_property(NOTE, "34 points")` in a test appears beside its result.
NOTE = "fault-matrix"


@dataclass
class Proof:
    """What the tests of one fault did."""

    outcomes: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def add(self, report: pytest.TestReport) -> None:
        """Take in one phase of a test: the worst one counts. A part of a test is in the test's own time already."""
        if not isinstance(report, SubtestReport):
            self.seconds += report.duration
            notes = (str(value) for name, value in report.user_properties if name == NOTE)
            self.notes.extend(notes if report.when == "call" else ())
        before = self.outcomes.get(report.nodeid, "passed")
        if report.failed or before == "failed":
            self.outcomes[report.nodeid] = "failed"
        elif report.skipped:
            self.outcomes[report.nodeid] = "skipped"
        else:
            self.outcomes.setdefault(report.nodeid, "passed")

    @property
    def result(self) -> str:
        """In a word, or with counts where it is mixed."""
        outcomes = list(self.outcomes.values())
        told = ", ".join(
            f"{outcomes.count(word)} {word}" for word in ("failed", "skipped") if word in outcomes
        )
        said = f"**{told}** of {len(outcomes)}" if told else "passed"
        return "; ".join([said, *self.notes])


class FaultMatrix:
    """Collects results by id and writes the table at the end."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._proofs: dict[str, Proof] = defaultdict(Proof)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Each of setup, call and teardown."""
        name = _NAME.search(report.nodeid)
        if name:
            self._proofs[name[1]].add(report)

    def pytest_sessionfinish(self) -> None:
        """Write the table."""
        self._path.parent.mkdir(exist_ok=True)
        self._path.write_text(self._page())

    def _page(self) -> str:
        known = _known_tests()
        sections = tomllib.loads((_HERE / "faults.toml").read_text())
        ids = [i for section in sections.values() for i in section if i != "name"]
        proved = [i for i in ids if i in self._proofs]
        lines = [
            "# Faults, and what became of them",
            "",
            "Printed by the tests that have a fault's id in their names: by `make test` to `build/fault-matrix.md`,",
            "by `make fault-matrix`, which runs these alone, to this page.",
            f"{len(proved)} of {len(ids)} faults were tried in this run.",
        ]
        for section in sections.values():
            lines += [
                "",
                f"## {section.pop('name')}",
                "",
                "| id | fault | result | duration | tests |",
            ]
            lines += ["|---|---|---|---|---|"]
            lines += [self._row(i, fault, known.get(i, 0)) for i, fault in section.items()]
        return "\n".join(lines) + "\n"

    def _row(self, fault_id: str, fault: str, known: int) -> str:
        proof = self._proofs.get(fault_id)
        if proof is None:
            missing = f"not run ({known} tests)" if known else "no test yet"
            return f"| {fault_id} | {fault} | {missing} | | |"
        return (
            f"| {fault_id} | {fault} | {proof.result} | {proof.seconds:.1f} s "
            f"| {len(proof.outcomes)} |"
        )


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options."""
    parser.addoption("--fault-matrix", type=Path, help="write the table of proved faults here")
    parser.addoption("--only-faults", action="store_true", help="only tests that prove a fault")


def pytest_configure(config: pytest.Config) -> None:
    """Nothing happens without the option; where tests run side by side, the one that hands them out writes."""
    path = config.getoption("--fault-matrix")
    if path and not hasattr(config, "workerinput"):
        config.pluginmanager.register(FaultMatrix(path.absolute()))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With the option, only the tests that prove a fault."""
    if config.getoption("--only-faults"):
        chosen = [item for item in items if _NAME.search(item.name)]
        config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
        items[:] = chosen


def _known_tests() -> dict[str, int]:
    """How many test functions there are for each id, run or not."""
    found: dict[str, int] = defaultdict(int)
    for file in _HERE.rglob("test_*.py"):
        for name in re.finditer(r"def test_([A-I]\d+)_", file.read_text()):
            found[name[1]] += 1
    return found
