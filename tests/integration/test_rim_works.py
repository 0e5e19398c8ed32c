"""Works come and go with the runs that need one, and nothing of them stays."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import psutil
import pytest

from tests.integration.rim_process import RimProcess, running
from tests.waiting import wait_for


@pytest.fixture(scope="module")
def rim(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RimProcess]:
    with running(tmp_path_factory.mktemp("rim") / "home") as process:
        yield process


def no_work_left(rim: RimProcess) -> bool:
    return not rim.works() and len(rim.main.children()) == 3  # resource tracker, UI, API server


def test_an_idle_app_uses_at_most_three_percent_of_a_core(rim: RimProcess) -> None:
    def spent() -> float:
        return sum(sum(p.cpu_times()[:2]) for p in [rim.main, *rim.main.children(recursive=True)])

    before, began = spent(), time.monotonic()
    time.sleep(5)
    assert (spent() - before) / (time.monotonic() - began) <= 0.03


def test_the_process_that_forks_works_holds_no_database_open(rim: RimProcess) -> None:
    assert "store.db" not in str(rim.main.open_files())


def test_the_ui_process_stays_small(rim: RimProcess) -> None:
    assert rim.child("ui.serve").memory_info().rss <= 80e6


def test_a_work_begins_at_once_when_a_run_is_submitted(rim: RimProcess) -> None:
    waits = []
    for number in range(5):
        submitted = rim.submit(f"short-{number}")
        waits.append(rim.started(f"short-{number}")[1] - submitted)
        rim.finish(f"short-{number}")
        time.sleep(0.3)
    assert sorted(waits)[2] < 0.3, waits


def test_the_shared_state_shows_the_summary_of_an_active_run(rim: RimProcess) -> None:
    rim.submit("long-state")
    wait_for(
        lambda: any("0.5" in w["vars"]["summary"] for w in rim.works().values()),
        log=lambda: rim.app_log,
    )
    (work,) = rim.works().values()
    summary = json.loads(work["vars"]["summary"])
    assert summary["run_id"] == work["vars"]["run_id"] == "long-state"
    assert summary["best_model_path"] == "best.ckpt"
    wait_for(
        lambda: '"epoch": 3' in str(rim.works()) or '"epoch": 4' in str(rim.works()),
        what="a later summary",
    )
    rim.finish("long-state")
    wait_for(lambda: no_work_left(rim), what="the end of the work", log=lambda: str(rim.works()))


def test_a_killed_work_and_a_failing_one_are_followed_by_another(rim: RimProcess) -> None:
    rim.submit("long-killed")
    killed, _ = rim.started("long-killed")
    rim.submit("fails-once")
    rim.started("fails-once")
    psutil.Process(killed).kill()
    rim.finish("fails-once")
    wait_for(
        lambda: rim.started("long-killed")[0] != killed,
        what="another work",
        log=lambda: rim.app_log,
    )
    rim.finish("long-killed")
    assert "the follower fails once" in rim.app_log
    assert "Traceback" not in rim.said


def test_sixty_runs_leave_descriptors_threads_and_processes_flat(rim: RimProcess) -> None:
    def counts() -> tuple[int, int, int]:
        wait_for(lambda: no_work_left(rim), what="the end of all works", log=lambda: rim.app_log)
        return rim.main.num_fds(), rim.main.num_threads(), len(rim.main.children(recursive=True))

    def run(name: str) -> None:
        rim.submit(name)
        rim.finish(name)

    run("first")
    before = counts()
    for number in range(60):
        run(f"many-{number}")
    after = counts()
    assert all(now <= then for now, then in zip(after, before, strict=True)), (before, after)
