"""F3: a run's folder is removed, or its permissions changed, under us: said in words, never a traceback."""

from __future__ import annotations

import shutil

import pytest

from repo_runner.errors import Conflict
from repo_runner.manager import Manager
from tests.integration.faults.stores import EndedRun, Http

READS = (
    "",
    "/logs",
    "/logs?q=line",
    "/logs?stream=build",
    "/metrics",
    "/checkpoints",
    "/checkpoints/best",
    "/resources",
    "/environment",
)


@pytest.fixture
def run_id(kept: Manager, ended_run: EndedRun) -> str:
    run_id = ended_run()
    kept.recover()
    return run_id


def damage(kept: Manager, run_id: str, what: str) -> None:
    root = kept.paths.run(run_id).root
    match what:
        case "folder gone":
            shutil.rmtree(root)
        case "checkpoints gone":
            shutil.rmtree(root / "checkpoints")
        case "a file in its place":
            shutil.rmtree(root)
            root.write_text("in the way")
        case "no permissions":
            root.chmod(0)
        case "folders for files":
            for name in ("output.log", "events.jsonl", "checkpoints/best.ckpt"):
                (root / name).unlink()
                (root / name).mkdir()


DAMAGES = (
    "folder gone",
    "checkpoints gone",
    "a file in its place",
    "no permissions",
    "folders for files",
)


@pytest.mark.parametrize("what", DAMAGES)
def test_F3_every_read_of_a_damaged_run_is_answered_and_it_can_be_deleted(
    kept: Manager, http: Http, run_id: str, what: str
) -> None:
    damage(kept, run_id, what)
    for path in READS:
        answer = http.get(f"/runs/{run_id}{path}")
        assert answer.status_code < 500, f"{path}: {answer.text}"
    assert http.get(f"/runs/{run_id}").json()["status"] == "succeeded"
    assert http.request("DELETE", f"/runs/{run_id}").status_code == 204
    assert list(kept.paths.runs.iterdir()) == []
    assert http.get(f"/runs/{run_id}").status_code == 404


def test_F3_a_missing_checkpoint_is_said(kept: Manager, http: Http, run_id: str) -> None:
    damage(kept, run_id, "checkpoints gone")
    error = http.get(f"/runs/{run_id}/checkpoints/best").json()["error"]
    assert error["code"] == "artifact_not_found"
    assert "missing from the run folder" in error["message"]


def test_F3_a_folder_whose_rows_are_gone_can_be_deleted(
    kept: Manager, http: Http, run_id: str
) -> None:
    kept.store.remove(run_id)
    assert http.request("DELETE", f"/runs/{run_id}").status_code == 204
    assert list(kept.paths.runs.iterdir()) == []


@pytest.mark.parametrize("name", ["..", "../..", ".deleted-x", "20260101-000000-abcdef"])
def test_F3_what_is_no_run_is_not_deleted(kept: Manager, http: Http, name: str) -> None:
    (kept.paths.runs / ".deleted-x").mkdir()
    assert http.request("DELETE", f"/runs/{name}").status_code in (404, 405)
    assert (kept.paths.runs / ".deleted-x").exists()


def test_F3_a_deletion_that_was_cut_off_is_finished_at_the_next_start(
    kept: Manager, run_id: str
) -> None:
    root = kept.paths.run(run_id).root
    root.rename(root.with_name(f".deleted-{run_id}"))
    kept.recover()
    assert list(kept.paths.runs.iterdir()) == []
    assert kept.list().total == 0


def test_F3_a_run_that_was_resumed_meanwhile_is_not_deleted(kept: Manager, run_id: str) -> None:
    with kept.store.engine.execution_options(writes=True).begin() as connection:
        connection.exec_driver_sql("UPDATE runs SET status = 'pending'")
    with pytest.raises(Conflict):
        kept.delete(run_id)
    assert kept.paths.run(run_id).root.exists()
