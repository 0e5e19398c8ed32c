from __future__ import annotations

import json
import re

from tests.unit.ui.conftest import Screen
from ui.widgets import component


def test_numbers_json_cannot_carry_become_text() -> None:
    value = {1: float("nan"), "deep": [float("inf"), {"x": (1.5, None)}]}
    assert component.finite(value) == {"1": "nan", "deep": ["inf", {"x": [1.5, None]}]}


def test_every_element_is_defined_once_in_the_library() -> None:
    source = component.library_source()
    names = re.findall(r'define\(\s*"(rr-[a-z]+)"', source)
    assert len(names) == len(set(names)) >= 9


def test_no_element_reads_text_as_markup() -> None:
    source = component.library_source()
    for door in (
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "srcdoc",
    ):
        assert door not in source


def test_nothing_is_asked_from_another_host() -> None:
    source = component.library_source()
    assert set(re.findall(r"https?://[\w.]+", source)) <= {"http://www.w3.org"}


def test_data_goes_beside_the_name_of_the_element(screen: Screen) -> None:
    component.mount("rr-log", {"lines": [(0, "a")]}, key="log")
    assert screen.elements["log"] == "rr-log"
    assert json.loads(json.dumps(screen.shown["log"])) == {"lines": [[0, "a"]]}
