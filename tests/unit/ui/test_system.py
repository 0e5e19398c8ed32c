from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from streamlit.testing.v1 import AppTest

from repo_runner.caches import TidyReport
from repo_runner.models import Cluster, ClusterNode, NodeResource
from repo_runner.settings import Settings
from tests.unit.ui.conftest import Screen
from tests.unit.ui.fake_client import FakeClient
from ui.views.storage import verdict as tidied
from ui.views.system import app_facts, settings_facts, verdict

Draw = Callable[..., AppTest]


def test_versions_disk_and_state_are_shown(draw: Draw, screen: Screen) -> None:
    draw("system")
    assert {fact["name"] for fact in screen.shown["versions"]["facts"]} >= {"python", "lightning"}
    assert "live" in screen.shown["state"]["value"]["works"]


def test_whether_a_run_has_a_control_group_is_said_once_for_all(app: FakeClient) -> None:
    for has, words in ((True, "none can escape"), (False, "found by their marks")):
        health = app.health().model_copy(update={"control_groups": has})
        facts = {one["name"]: one["value"] for one in app_facts(health)}
        assert words in facts["Processes of a run"]


def test_the_disk_is_a_meter_with_its_numbers(app: FakeClient) -> None:
    disk = app_facts(app.health())[-1]
    assert disk["label"] == "83.0 GB free of 256 GB"
    assert 0.6 < disk["value"] < 0.7


def test_the_last_backup_is_shown_with_what_puts_it_back(app: FakeClient) -> None:
    health = app.health()
    made = health.model_copy(update={"last_backup_at": health.started_at})
    shown = [
        {shown["name"]: shown["value"] for shown in app_facts(told)}
        for told in (health.model_copy(update={"last_backup_at": None}), made)
    ]
    assert shown[0]["Last backup"] == "none yet"
    assert "To restore it" not in shown[0]
    assert shown[1]["Last backup"] == health.started_at.isoformat()
    assert shown[1]["To restore it"] == "python -m repo_runner restore"


def test_problems_are_said(app: FakeClient) -> None:
    health = app.health().model_copy(
        update={"status": "degraded", "problems": ("The disk is full.",)}
    )
    assert [(item["level"], item["text"]) for item in verdict(health)] == [
        ("warn", "The disk is full.")
    ]


def test_the_caches_are_shown_beside_their_limit(draw: Draw, screen: Screen) -> None:
    draw("system")
    *caches, meter = screen.shown["caches"]["facts"]
    assert caches[0]["value"] == "7 · 8.3 GB"
    assert meter["label"] == "13.0 GB of at most 53.7 GB"


def test_cleaning_up_says_what_it_did(draw: Draw, screen: Screen, app: FakeClient) -> None:
    draw("system").button("tidy").click().run()
    assert app.tidied == [False]
    assert screen.shown["tidied"]["items"][0]["text"] == "There was nothing to remove."


def test_removing_everything_is_asked_first(draw: Draw, app: FakeClient) -> None:
    draw("system").button("ask-tidy-all").click().run()
    assert not app.tidied


def test_what_a_clean_up_freed_is_said() -> None:
    done = TidyReport(bytes_freed=2_300_000_000, removed=1)
    assert "2.3 GB are free again; 1 environment removed" in str(tidied(done)["text"])


def test_the_queue_is_in_its_order(draw: Draw, screen: Screen) -> None:
    draw("system")
    rows = [(fact["name"], fact["value"]) for fact in screen.shown["queue"]["facts"]]
    assert rows[-2:] == [
        ("sweep lr 1", "number 1 in the queue"),
        ("sweep lr 2", "number 2 in the queue"),
    ]


def test_no_setting_shows_a_token() -> None:
    settings = Settings(home=Path(), token="tok", git_tokens={"github.com": "ghp_x"})
    shown = str(settings_facts(settings))
    assert "github.com" in shown
    assert not any(secret in shown for secret in ("tok'", "ghp_x"))


def test_the_cluster_shows_its_nodes_and_what_is_taken(
    draw: Draw, screen: Screen, app: FakeClient
) -> None:
    resources = (NodeResource(name="CPU", used="1.0", total="4.0"),)
    facts = {"address": "10.0.0.5", "resources": resources, "labels": {"zone": "eu"}}
    alive = ClusterNode(node_id="a" * 56, is_head=True, is_alive=True, **facts)
    gone = ClusterNode(node_id="b" * 56, is_head=False, is_alive=False, **facts)
    app.cluster_now = Cluster(address="http://10.0.0.5:8265", nodes=(alive, gone))
    draw("system")
    shown = {fact["name"]: fact["value"] for fact in screen.shown["cluster-nodes"]["facts"]}
    assert shown["Head 10.0.0.5 aaaaaaaa"] == "1.0 of 4.0 CPU, zone=eu"
    assert shown["Node 10.0.0.5 bbbbbbbb"] == "gone"


def test_without_a_cluster_nothing_of_it_is_shown(draw: Draw, screen: Screen) -> None:
    draw("system")
    assert "cluster-nodes" not in screen.shown
