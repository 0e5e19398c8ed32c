from __future__ import annotations

from collections.abc import Callable

from streamlit.testing.v1 import AppTest

from tests.unit.ui.conftest import Screen
from tests.unit.ui.fake_client import FakeClient
from ui.views.system import app_facts, verdict

Draw = Callable[..., AppTest]


def test_versions_disk_and_state_are_shown(draw: Draw, screen: Screen) -> None:
    draw("system")
    assert {fact["name"] for fact in screen.shown["versions"]["facts"]} >= {"python", "lightning"}
    assert "live" in screen.shown["state"]["value"]["works"]


def test_the_disk_is_a_meter_with_its_numbers(app: FakeClient) -> None:
    disk = app_facts(app.health())[-1]
    assert disk["label"] == "83.0 GB free of 256 GB"
    assert 0.6 < disk["value"] < 0.7


def test_problems_are_said(app: FakeClient) -> None:
    health = app.health().model_copy(
        update={"status": "degraded", "problems": ("The disk is full.",)}
    )
    assert [(item["level"], item["text"]) for item in verdict(health)] == [
        ("warn", "The disk is full.")
    ]
