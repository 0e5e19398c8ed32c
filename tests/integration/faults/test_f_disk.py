"""F1: a disk that is full, read-only or failing: the app stays up, says so, and recovers by itself."""

from __future__ import annotations

import errno
import json
import os
import threading
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from repo_runner import app_file, events, follower, output, submitted
from repo_runner.app_file import write_private
from repo_runner.errors import DiskFull, FolderReadOnly, StoreUnavailable
from repo_runner.events import EventWriter, read_batch
from repo_runner.follower import Follower
from repo_runner.kept_output import KeptOutput, read_output
from repo_runner.manager import Manager
from repo_runner.models import RunStatus, Submission
from repo_runner.output import OutputWriter
from tests.app_fixtures import NOTHING_TO_INSTALL, following, log_of, wait_until_ended
from tests.git_fixtures import MakeRepo
from tests.integration.faults.stores import SPEC, Ballast, EndedRun, Http
from tests.waiting import wait_for

FAULTS = (errno.ENOSPC, errno.EIO, errno.EROFS, errno.EMFILE)


class Faulty:
    """`os`, whose disk can fail."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.fails = False

    def __getattr__(self, name: str) -> object:
        return getattr(os, name)

    def _check(self) -> None:
        if self.fails:
            raise OSError(self.number, os.strerror(self.number))

    def write(self, file: int, data: bytes) -> int:
        self._check()
        return os.write(file, data)

    def open(self, *words: object, **more: object) -> int:
        self._check()
        return os.open(*words, **more)

    def fsync(self, file: int) -> None:
        self._check()
        os.fsync(file)


@pytest.fixture(params=FAULTS, ids=errno.errorcode.get)
def disk(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Faulty:
    faulty = Faulty(request.param)
    for module in (events, output, app_file):
        monkeypatch.setattr(module, "os", faulty)
    return faulty


def test_F1_events_wait_for_room_and_none_is_lost(disk: Faulty, tmp_path: Path) -> None:
    writer = EventWriter(tmp_path / "events.jsonl")
    for step in range(10):
        disk.fails = 3 <= step < 7
        writer.write("metrics", values={"loss": 1.0}, step=step)
    writer.close()
    told = read_batch(tmp_path / "events.jsonl", 0).events
    assert [e["step"] for e in told] == list(range(10))
    assert [e["seq"] for e in told] == list(range(1, 11))


def test_F1_events_that_find_no_room_for_long_are_counted_and_the_important_ones_kept(
    disk: Faulty, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "_MAX_WAITING_BYTES", 4000)
    writer = EventWriter(tmp_path / "events.jsonl")
    disk.fails = True
    for step in range(100):
        writer.write("metrics", values={"loss": 1.0}, step=step)
    writer.write("phase", phase="training")
    disk.fails = False
    writer.write("exit", exit_code=0)
    writer.close()
    told = read_batch(tmp_path / "events.jsonl", 0).events
    kinds = [e["kind"] for e in told]
    assert kinds[-3:] == ["phase", "exit", "note"]
    assert f"{100 - kinds.count('metrics')} events were lost" in told[-1]["message"]
    assert [e["seq"] for e in told] == list(range(1, len(told) + 1))


def test_F1_output_goes_on_where_there_is_room_again_and_what_is_missing_is_counted(
    disk: Faulty, tmp_path: Path
) -> None:
    writer = OutputWriter(tmp_path / "output.log", 1 << 20)
    for number in range(10):
        disk.fails = 3 <= number < 7
        writer.write(b"line %d\n" % number)
    writer.close()
    kept = KeptOutput.of(tmp_path / "output.log")
    assert (kept.size_bytes, kept.dropped_bytes, writer.lost_bytes) == (70, 28, 28)
    assert b"line 2\nline 7\n" in read_output(tmp_path / "output.log", 0).data
    assert kept.segments[-1].first_line == 7
    assert len(list(tmp_path.glob("output*"))) == 2


def test_F1_a_record_that_finds_no_room_leaves_the_old_one_and_no_half(
    disk: Faulty, tmp_path: Path
) -> None:
    write_private(tmp_path / "exit.json", "old")
    disk.fails = True
    with pytest.raises(OSError, match=r"\w"):
        write_private(tmp_path / "exit.json", "new")
    assert [p.read_text() for p in tmp_path.iterdir()] == ["old"]


@pytest.fixture
def cramped(http: Http):
    """`cramped("max_page_count=1")`: every new connection to the database has this pragma."""

    def cramp(pragma: str) -> None:
        engine = http.manager.store.engine

        def limit(connection, _record) -> None:
            connection.execute(f"PRAGMA {pragma}")

        engine.dispose()
        sa.event.listen(engine, "connect", limit)
        undo.append(lambda: (sa.event.remove(engine, "connect", limit), engine.dispose()))

    undo: list = []
    cramp.lift = lambda: [step() for step in undo]
    return cramp


@pytest.mark.parametrize(
    ("pragma", "words"), [("max_page_count=1", "disk is full"), ("query_only=1", "read-only")]
)
def test_F1_a_database_that_cannot_be_written_is_said_and_used_again_when_it_can(
    http: Http, ended_run: EndedRun, cramped, pragma: str, words: str
) -> None:
    run_id = ended_run()
    long_note = {"notes": ["x" * 100_000]}
    cramped(pragma)
    http.app.add_api_route(
        "/api/v1/write", lambda: http.manager.store.finish(run_id, **long_note), methods=["POST"]
    )
    answer = http.request("POST", "/write")
    assert answer.status_code == 503, answer.text
    assert words in answer.json()["error"]["message"]
    assert int(answer.headers["Retry-After"]) > 0
    assert http.get(f"/runs/{run_id}").status_code == 200  # what can be read is
    assert http.get("/health").status_code == 200
    cramped.lift()
    assert http.request("POST", "/write").status_code == 200


def test_F1_a_submission_that_finds_no_room_leaves_nothing(kept: Manager, disk: Faulty) -> None:
    refusal = FolderReadOnly if disk.number == errno.EROFS else DiskFull
    disk.fails = True
    with pytest.raises(refusal, match="be stored"):
        submitted.store(kept.store, kept.paths, SPEC, "key")
    assert list(kept.paths.runs.iterdir()) == []
    assert kept.store.attempts() == {}
    disk.fails = False
    assert submitted.store(kept.store, kept.paths, SPEC, "key")


SCRIPT = """
import os, pathlib, sys, time
meet = pathlib.Path(sys.argv[1])
print("begun", flush=True)
(meet / "begun").touch()
while not (meet / "full").exists(): time.sleep(0.02)
for n in range(20_000): print("a line into a full disk", n, flush=n % 100 == 0)
(meet / "trained").touch()
"""


def test_F1_training_goes_on_while_the_disk_is_full_and_its_end_is_told_when_it_is_not(
    small_disk: Path, make_repo: MakeRepo, run_settings, shared_caches: Path, tmp_path: Path
) -> None:

    home = small_disk / "home"
    home.mkdir()
    (home / "cache").symlink_to(shared_caches)
    settings = replace(
        run_settings,
        home=home,
        min_free_bytes=0,
        own_env={**run_settings.own_env, "REPO_RUNNER_MIN_FREE_BYTES": "0"},
    )
    manager = Manager(settings)
    manager.recover()
    url, _ = make_repo({"train.py": SCRIPT, **NOTHING_TO_INSTALL})

    run = manager.submit(Submission(link=url, script_path="train.py", script_args=str(tmp_path)))
    log = lambda: log_of(manager, run.run_id)  # noqa: E731
    with following(manager, run.run_id):
        wait_for((tmp_path / "begun").exists, timeout_s=120, what="the script", log=log)
        with Ballast(small_disk / "ballast"):
            (tmp_path / "full").touch()
            wait_for((tmp_path / "trained").exists, what="the end of training", log=log)
            assert not manager.get(run.run_id).status.is_terminal
        ended = wait_until_ended(manager, run.run_id)
    assert ended.status is RunStatus.SUCCEEDED
    assert manager.logs(run.run_id, after=0).text.startswith("begun\n")
    manager.close()


def test_F1_a_follower_waits_while_the_store_cannot_be_used(
    kept: Manager, ended_run: EndedRun, monkeypatch: pytest.MonkeyPatch
) -> None:

    run_id = ended_run()
    failures = [StoreUnavailable(), OSError(errno.ENOSPC, "full"), StoreUnavailable()]
    real = follower.ingest

    def ingest(*words):
        if failures:
            raise failures.pop()
        return real(*words)

    monkeypatch.setattr(follower, "ingest", ingest)
    monkeypatch.setattr(follower, "_AGAIN_AFTER_S", 0.01)
    kept.store.reopen(run_id, 1, None)
    Follower(kept.settings, run_id, str).follow(threading.Event())
    assert kept.get(run_id).status is RunStatus.SUCCEEDED
    assert json.loads(kept.paths.run(run_id).exit.read_text())["exit_code"] == 0
