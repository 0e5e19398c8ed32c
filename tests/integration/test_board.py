"""TensorBoard of a run: installed once, started on demand, fed from the run's own files, ended when nobody looks."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from repo_runner.board_status import BoardStatus
from repo_runner.boards import Boards
from repo_runner.paths import HomePaths, RunPaths
from repo_runner.settings import Settings
from tests.waiting import wait_for


@pytest.fixture
def boards(run_settings: Settings) -> Iterator[Boards]:
    boards = Boards(run_settings)
    yield boards
    boards.close_all()


@pytest.fixture
def paths(run_settings: Settings) -> RunPaths:
    paths = HomePaths(run_settings.home).run("run-1")
    paths.checkout.mkdir(parents=True)
    return paths


def log_metric(paths: RunPaths, step: int, **values: object) -> None:
    event = {"t": 1.7e9 + step, "kind": "metrics", "values": values, "step": step, "epoch": 0}
    with paths.events.open("a") as file:
        file.write(json.dumps(event) + "\n")


def opened(boards: Boards, paths: RunPaths) -> str:
    boards.open(paths)
    status = wait_for(
        lambda: _arrived(boards.status(paths.run_id)), timeout_s=180, what="TensorBoard"
    )
    assert status.state == "ready", status
    return status.address


def _arrived(status: BoardStatus) -> BoardStatus | None:
    return None if status.state == "starting" else status


def ask(address: str, path: str = "", **headers: str) -> str:
    request = urllib.request.Request(address + path, headers=headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer.read().decode()


def tags(address: str) -> dict[str, list[str]]:
    return {
        run: sorted(found)
        for run, found in json.loads(ask(address, "data/plugin/scalars/tags")).items()
    }


def refused(address: str, **headers: str) -> int:
    with pytest.raises(urllib.error.HTTPError) as answer:
        ask(address, **headers)
    return answer.value.code


@pytest.mark.timeout(400)
def test_a_run_that_logged_only_csv_has_a_board_that_grows_is_guarded_and_ends(
    boards: Boards, paths: RunPaths
) -> None:
    log_metric(paths, 1, loss=0.5, odd="nan")
    address = opened(boards, paths)
    assert tags(address) == {"metrics": ["loss", "odd"]}
    log_metric(paths, 2, val_loss=0.25)
    wait_for(lambda: "val_loss" in tags(address)["metrics"], timeout_s=60, what="the new curve")
    points = json.loads(ask(address, "data/plugin/scalars/scalars?run=metrics&tag=val_loss"))
    assert [point[1:] for point in points] == [[2, 0.25]]

    root = address.rsplit("/", 2)[0] + "/"
    assert refused(root) == 403
    assert refused(address, Host="evil.example") == 403
    assert refused(address, Origin="http://evil.example") == 403
    with urllib.request.urlopen(address, timeout=30) as page:
        policy = page.headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in policy
    assert "http" not in policy

    (paths.checkout / "logs").mkdir()
    script_file = paths.checkout / "logs" / "events.out.tfevents.1.host"
    written = HomePaths(boards._settings.home).boards / "run-1" / "logdir" / "metrics"
    script_file.write_bytes(next(written.iterdir()).read_bytes())
    (paths.checkout / "logs" / "tfevents.link").symlink_to("/etc/passwd")
    wait_for(
        lambda: list(tags(address)) == ["script/logs"], timeout_s=60, what="the script's own file"
    )
    child = psutil.Process(boards._boards["run-1"]._child.pid)
    boards.close("run-1")
    assert not child.is_running()
    assert boards.status("run-1").state == "off"
    assert not written.parent.exists()


@pytest.mark.timeout(400)
def test_a_board_nobody_looks_at_ends_by_itself(run_settings: Settings, paths: RunPaths) -> None:
    boards = Boards(run_settings, idle_s=1.0)
    opened(boards, paths)
    child = boards._boards["run-1"]._child
    wait_for(lambda: child.poll() is not None, timeout_s=30, what="the end of the board")
    assert boards.status("run-1").state == "off"
    boards.close_all()


def test_a_board_that_cannot_start_says_why(
    run_settings: Settings, paths: RunPaths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "board").mkdir()
    (tmp_path / "board" / "requirements.txt").write_text("")
    (tmp_path / "board" / "serve.py").write_text("raise SystemExit('out of order')\n")
    monkeypatch.setattr("repo_runner.board._PROGRAM", tmp_path / "board")
    boards = Boards(run_settings)
    boards.open(paths)
    status = wait_for(lambda: _arrived(boards.status("run-1")), timeout_s=60, what="its end")
    boards.close_all()
    assert (status.state, status.lines) == ("failed", ("out of order",))
