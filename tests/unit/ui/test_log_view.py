from __future__ import annotations

from datetime import timedelta

from repo_runner.models import LogMatch, LogSearch
from tests.unit.ui import fake_runs as fake
from ui.widgets.log_view import Log, log_data, note_of

NOW = fake.moment()


def test_a_note_says_what_is_not_shown() -> None:
    log = Log("output", [], size_bytes=5_000, skipped_bytes=4_000, dropped_bytes=2_000_000)
    assert note_of(log) == "The last 1.0 kB of 5.0 kB. 2.0 MB in the middle were not kept."
    assert note_of(Log("output", [], size_bytes=5_000)) == ""
    assert note_of(Log("output", [], at=7)).startswith("A part of the log")


def test_every_phase_with_a_log_is_a_fold_with_its_state() -> None:
    run = fake.training("r", NOW - timedelta(seconds=30), NOW)
    data = log_data(run, Log("output", []), lambda stream: f"http://x/{stream}")
    folds = [(fold["stream"], fold["name"], fold["state"]) for fold in data["folds"]]
    assert folds == [
        ("fetch", "fetching", "done"),
        ("build", "building", "done"),
        ("output", "training", "active"),
    ]
    assert data["download"] == "http://x/output"


def test_what_was_found_says_how_much_and_what_was_not_searched() -> None:
    match = LogMatch(line=3, offset=20, text="loss nan", before=("a",), after=("b",))
    found = LogSearch(matches=(match,), next_offset=30, size_bytes=100, dropped_bytes=5_000_000)
    run = fake.building("r", NOW)
    data = log_data(run, Log("output", [], query="nan", found=found), str)["found"]
    assert data["note"] == "The first 1 line; 5.0 MB are not kept and were not searched"
    assert data["matches"][0]["before"] == ("a",)
    none = log_data(run, Log("output", [], found=LogSearch(matches=(), size_bytes=1)), str)
    assert none["found"]["note"] == "No line holds it"
