"""F2: a database that is locked, damaged or gone: errors are bounded and said, and the run folders bring it back."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from repo_runner import cli, engine
from repo_runner.app_file import AppFile
from repo_runner.backups import Backups, damage_of
from repo_runner.errors import DataFolderBusy, StoreDamaged
from repo_runner.manager import Manager
from repo_runner.models import RunStatus
from repo_runner.restore import restore
from repo_runner.upkeep import Upkeep
from tests.integration.faults.stores import SPEC, EndedRun, Http


def database(manager: Manager) -> Path:
    return manager.paths.root / "store.db"


def test_F2_while_another_process_holds_the_database_reads_go_on_and_writes_say_when_to_come_back(
    settings, ended_run: EndedRun, kept: Manager, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = ended_run()
    kept.recover()
    # A lock is waited for at most so long; the other process may keep it for a minute, or for ever.
    monkeypatch.setattr(engine, "BUSY_S", 1)
    http = Http(settings)
    with closing(sqlite3.connect(database(kept), isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        answer = http.request("DELETE", f"/runs/{run_id}")
        error = answer.json()["error"]
        assert (answer.status_code, error["code"]) == (503, "store_unavailable")
        assert "Another program holds the database" in error["message"]
        assert answer.headers["Retry-After"] == "5"
        assert http.get(f"/runs/{run_id}").json()["status"] == "succeeded"
        holder.execute("ROLLBACK")
    assert http.request("DELETE", f"/runs/{run_id}").status_code == 204
    assert not kept.paths.run(run_id).root.exists()
    http.manager.close()


def truncate(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def flip(file: Path) -> None:
    data = bytearray(file.read_bytes())
    for at in range(4096, len(data), 4096):  # the header of every page but the first
        data[at] ^= 0xFF
    file.write_bytes(data)


def overwrite(file: Path) -> None:
    file.write_bytes(b"this is no database " * 1000)


DAMAGES = (truncate, flip, overwrite)


@pytest.mark.parametrize("damage", DAMAGES)
def test_F2_a_damaged_database_is_noticed_said_and_restored_and_nothing_is_lost(
    kept: Manager, ended_run: EndedRun, damage: Callable[[Path], None]
) -> None:
    before = ended_run(key="known")
    kept.recover()
    backup = Backups(kept.paths.backups).make(database(kept))
    after = ended_run(key="later")  # only in its folder once the backup is back
    kept.recover()
    waiting = kept.store.add("x", SPEC, None)
    kept.store.finish(waiting, status="stopped")
    kept.store.remove(waiting)
    kept.close()
    _forget_journal(kept)
    damage(database(kept))

    with pytest.raises(StoreDamaged, match="damaged"):
        Manager(kept.settings).recover()
    http = Http(kept.settings)
    Upkeep(http.manager).look()
    health = http.get("/health").json()
    assert health["status"] == "degraded"
    assert "repo_runner restore" in " ".join(health["problems"])
    assert health["last_backup_at"]
    http.manager.close()

    done = restore(kept.settings)
    assert done.backup == backup
    assert done.recovered.runs == (after,)
    assert list(done.put_aside.iterdir())
    for run_id, key in ((before, "known"), (after, "later")):
        run = kept.get(run_id)
        assert run.status is RunStatus.SUCCEEDED
        assert run.best_model_score == pytest.approx(0.5)
        assert [s.name for s in kept.metrics(run_id)] == ["loss"]
        assert kept.store.find_by_key(key) == run_id
    assert kept.list().total == 2


def _forget_journal(manager: Manager) -> None:
    """As after a clean end of every process."""
    with closing(sqlite3.connect(database(manager))) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    for name in ("store.db-wal", "store.db-shm"):
        (manager.paths.root / name).unlink(missing_ok=True)


def test_F2_a_deleted_journal_loses_rows_and_the_run_folders_bring_them_back(
    kept: Manager, ended_run: EndedRun
) -> None:
    first = ended_run()
    kept.recover()
    with closing(sqlite3.connect(database(kept))) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        second = ended_run()
        kept.recover()
        image = database(kept).read_bytes()  # without what is only in the journal
    kept.close()
    for name in ("store.db-wal", "store.db-shm"):
        (kept.paths.root / name).unlink(missing_ok=True)
    database(kept).write_bytes(image)
    assert second not in kept.store.attempts()
    assert kept.recover().runs == (second,)
    assert {r.run_id for r in kept.list().runs} == {first, second}
    assert kept.recover().runs == ()


def test_F2_a_store_that_is_gone_without_any_backup_is_made_anew_from_the_run_folders(
    kept: Manager, ended_run: EndedRun
) -> None:
    runs = [ended_run() for _ in range(3)]
    kept.recover()
    kept.close()
    overwrite(database(kept))
    done = restore(kept.settings)
    assert done.backup is None
    assert sorted(done.recovered.runs) == sorted(runs)
    assert all(kept.get(run_id).status is RunStatus.SUCCEEDED for run_id in runs)


def test_F2_a_damaged_backup_is_passed_over(kept: Manager, ended_run: EndedRun) -> None:
    run_id = ended_run()
    kept.recover()
    good = Backups(kept.paths.backups).make(database(kept))
    bad = good.with_name("store-99990101T000000.db")
    bad.write_bytes(good.read_bytes())
    truncate(bad)
    kept.close()
    overwrite(database(kept))
    assert restore(kept.settings).backup == good
    assert kept.get(run_id).status is RunStatus.SUCCEEDED


def test_F2_an_attempt_later_than_the_backup_is_taken_up_with_its_end(
    kept: Manager, ended_run: EndedRun
) -> None:
    run_id = ended_run()
    kept.recover()
    with kept.store.engine.execution_options(writes=True).begin() as connection:
        connection.exec_driver_sql(
            "UPDATE runs SET attempt = 0, status = 'failed', events_offset = 0"
        )
    assert kept.recover().attempts == (run_id,)
    run = kept.get(run_id)
    assert (run.status, run.attempt) == (RunStatus.SUCCEEDED, 1)


def test_F2_restoring_is_refused_while_the_app_runs(kept: Manager) -> None:
    claim = AppFile.claim(kept.settings)
    with pytest.raises(DataFolderBusy):
        restore(kept.settings)
    claim.release()
    assert damage_of(database(kept)) is None


def test_F2_the_command_line_restores_and_lists(
    kept: Manager, ended_run: EndedRun, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    ended_run()
    kept.recover()
    backup = Backups(kept.paths.backups).make(database(kept))
    kept.close()
    monkeypatch.setenv("REPO_RUNNER_HOME", str(kept.settings.home))
    assert cli.main(["restore", "--list"]) == 0
    assert f"{backup.name}  sound" in capsys.readouterr().out
    assert cli.main(["restore", backup.name]) == 0
    assert f"Restored {backup.name}" in capsys.readouterr().out
    assert cli.main(["restore", "nothing"]) == 3


def test_F2_backups_are_made_when_they_are_due_and_only_so_many_kept(
    kept: Manager, ended_run: EndedRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended_run()
    kept.recover()
    upkeep = Upkeep(kept)
    upkeep.look()
    backups = Backups(kept.paths.backups)
    assert len(backups.all()) == 1
    upkeep.look()  # nothing has changed
    assert len(backups.all()) == 1
    assert kept.problems == {}
    for n in range(12):
        monkeypatch.setattr(time, "strftime", lambda *_, n=n: f"2027010{n // 10}T00000{n % 10}")
        backups.make(database(kept))
    assert len(backups.all()) == 8
    assert all(damage_of(path) is None for path in backups.all())
