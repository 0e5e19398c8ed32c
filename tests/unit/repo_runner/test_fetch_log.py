from __future__ import annotations

from pathlib import Path

from repo_runner.fetch_log import FetchLog


def test_a_step_rewrites_its_line_and_the_next_one_begins_a_line(tmp_path: Path) -> None:
    heard: list[str] = []
    log = FetchLog(tmp_path / "fetch.log", lambda *report: heard.append(report[2]), ["hunter22"])
    log.say("https://x/hunter22")
    for message in ("Receiving: 1 %", "Receiving: 9 %", "Updating: 100 %"):
        log("downloading", 0.1, message)
    log.say("Done.")
    assert (tmp_path / "fetch.log").read_bytes().decode() == (
        "https://x/***\nReceiving: 1 %\rReceiving: 9 %\nUpdating: 100 %\nDone.\n"
    )
    assert heard == ["Receiving: 1 %", "Receiving: 9 %", "Updating: 100 %"]
