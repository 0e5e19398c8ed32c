"""Known vulnerabilities: each one that is accepted is there, has a reason, and a test that exists; no other passes."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest
from packaging.specifiers import SpecifierSet

from tests.audit import __main__ as audit
from tests.audit.accepted import Accepted, not_accepted, read, unaudited

ROOT = Path(__file__).resolve().parents[2]
LOCKED = dict(
    re.findall(r"^([a-z0-9-]+)==([^ ;\n]+)", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
)
KNOWN = {"name": "lightning", "version": "2.3.2", "vulns": [{"id": "CVE-2024-5452", "aliases": []}]}


def report(*packages: dict[str, Any]) -> dict[str, Any]:
    return {"dependencies": list(packages), "fixes": []}


@pytest.mark.parametrize("entry", read(), ids=lambda entry: entry.id)
def test_each_entry_is_needed_has_a_reason_and_a_test_that_exists(entry: Accepted) -> None:
    for package, affected in entry.packages.items():
        assert SpecifierSet(affected).contains(LOCKED[package]), "a raised version needs no entry"
    assert re.fullmatch(r"(CVE|GHSA|PYSEC)-[\w-]+", entry.id)
    assert len(entry.reason.split()) >= 8
    file, name = entry.test.split("::")
    tree = ast.parse((ROOT / file).read_text())
    assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_no_vulnerability_is_accepted_twice() -> None:
    names = [name for entry in read() for name in (entry.id, *entry.aliases)]
    assert len(names) == len(set(names))


def test_what_is_accepted_passes_under_either_name_and_nothing_else_does() -> None:
    accepted = read()
    by_alias = {**KNOWN, "vulns": [{"id": "PYSEC-1", "aliases": ["GHSA-cgwc-qvrx-rf7f"]}]}
    assert not_accepted(report(KNOWN, by_alias), accepted) == []
    new = {**KNOWN, "vulns": [{"id": "CVE-2099-1", "aliases": ["GHSA-new"]}]}
    elsewhere = {**KNOWN, "name": "uvicorn"}
    found = not_accepted(report(KNOWN, new, elsewhere), accepted)
    assert [str(f) for f in found] == [
        "lightning 2.3.2: CVE-2099-1, GHSA-new",
        "uvicorn 2.3.2: CVE-2024-5452",
    ]


def test_a_package_the_service_does_not_know_is_not_called_safe() -> None:
    assert unaudited(report(KNOWN, {"name": "x", "skip_reason": "not found"})) == ["x: not found"]


def answering(monkeypatch: pytest.MonkeyPatch, canary: Any, locks: Any) -> None:
    def ask(_service: str, file: Path) -> Any:
        return canary if file.name == "canary.txt" else locks

    monkeypatch.setattr(audit, "ask", ask)


@pytest.mark.parametrize(
    "canary",
    [
        None,
        report({"name": "jinja2", "skip_reason": "not found"}),
        report({"name": "jinja2", "vulns": []}),
    ],
    ids=["down", "a mirror that knows nothing", "a mirror that says all is well"],
)
def test_a_service_that_does_not_know_an_old_hole_is_none_and_that_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], canary: Any
) -> None:
    answering(monkeypatch, canary, report())
    assert audit.main([]) == audit.UNREACHABLE
    assert audit.main(["--if-reachable"]) == 0
    assert capsys.readouterr().out.count("NOT AUDITED") == 2


@pytest.mark.parametrize(
    ("package", "code"),
    [
        (KNOWN, 0),
        ({**KNOWN, "vulns": [{"id": "CVE-2099-1"}]}, 1),
        ({"name": "x", "skip_reason": "not found"}, 1),
    ],
)
def test_the_answer_of_a_service_decides(
    monkeypatch: pytest.MonkeyPatch, package: dict[str, Any], code: int
) -> None:
    canary = report({"name": "jinja2", "version": "2.4.1", "vulns": [{"id": "CVE-2014-0012"}]})
    answering(monkeypatch, canary, report(package))
    assert audit.main([]) == code
    answering(monkeypatch, canary, None)
    assert audit.main(["--if-reachable"]) == 1


def test_the_two_malicious_releases_are_in_no_lock() -> None:
    for name in ("lightning", "pytorch-lightning"):
        assert LOCKED[name] not in ("2.6.2", "2.6.3")
