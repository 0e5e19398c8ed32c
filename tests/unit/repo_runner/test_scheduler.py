from dataclasses import replace

import pytest

from repo_runner.errors import QueueFull
from repo_runner.gpus import Gpu
from repo_runner.models import Resources, Retries, RunSpec
from repo_runner.scheduler import Scheduler
from repo_runner.settings import Settings
from repo_runner.store import Store
from repo_runner.store_queue import QueueStore

SPEC = RunSpec(repo_url="https://github.com/a/b", commit_sha="0" * 40, script_path="train.py")


class StandInGpus:
    def __init__(self, *gpus: Gpu) -> None:
        self.gpus = gpus

    def look(self) -> tuple[Gpu, ...]:
        return self.gpus


@pytest.fixture
def scheduler(store: Store, settings: Settings) -> Scheduler:
    gpus = StandInGpus(*(Gpu(f"GPU-{i}", i, "", 1 << 30, 0) for i in range(2)))
    return Scheduler(store, replace(settings, max_running=2, max_waiting=200), gpus)


def add(store: Store, *ids: str, **fields) -> None:
    for run_id in ids:
        store.add(run_id, SPEC.model_copy(update=fields), None)


def test_a_point_of_priority_is_worth_ten_places(store: Store, scheduler: Scheduler) -> None:
    add(store, *(f"early-{i:02}" for i in range(15)))
    add(store, "urgent", priority=1)
    places = scheduler.places()
    assert places["urgent"] == 7
    assert places["early-05"] == 6
    assert {i: scheduler.place(store.get(i)) for i in places} == places


def test_no_stream_of_urgent_runs_holds_a_run_up_for_ever(
    store: Store, scheduler: Scheduler
) -> None:
    add(store, "patient")
    add(store, *(f"urgent-{i:02}" for i in range(40)), priority=2)
    assert scheduler.places()["patient"] == 20


def test_gpus_are_kept_for_the_run_that_was_given_them(store: Store, scheduler: Scheduler) -> None:
    add(store, "a", "b", "c")
    assert list(scheduler.due([])) == ["a", "b"]
    assert (store.get("a").gpus, store.get("b").gpus) == (["GPU-0"], ["GPU-1"])
    for run_id in ("a", "b"):
        store.begin(run_id)
    assert list(scheduler.due(["a", "b"])) == []
    assert "at most 2" in scheduler.reasons()["c"]
    store.finish("a", status="succeeded")
    assert list(scheduler.due(["b"])) == ["c"]
    assert store.get("c").gpus == ["GPU-0"]


def test_a_run_elsewhere_takes_a_place_and_nothing_of_this_machine(
    store: Store, scheduler: Scheduler
) -> None:
    add(store, "away", backend="ray", resources=Resources(cpus=10_000, gpus=64))
    assert list(scheduler.due([])) == ["away"]
    assert store.get("away").gpus is None


def test_a_work_that_is_about_to_begin_holds_its_place(store: Store, scheduler: Scheduler) -> None:
    add(store, "a", "b", "c")
    assert list(scheduler.due(["a", "b"])) == []


def test_a_run_without_a_work_gets_one_before_the_waiting(
    store: Store, scheduler: Scheduler
) -> None:
    add(store, "a", "b")
    store.begin("a")
    assert list(scheduler.due([])) == ["a", "b"]


def test_a_waiting_run_that_is_stopped_never_starts(store: Store, scheduler: Scheduler) -> None:
    add(store, "a")
    store.request_stop("a")
    assert list(scheduler.due([])) == []
    assert store.get("a").status == "stopped"


def test_a_machine_whose_gpus_nobody_counts_is_left_to_the_script(
    store: Store, settings: Settings
) -> None:
    add(store, "a")
    Scheduler(store, settings, StandInGpus()).due([])
    assert store.get("a").gpus is None


def test_the_queue_refuses_what_exceeds_its_limit(store: Store, settings: Settings) -> None:
    scheduler = Scheduler(store, replace(settings, max_waiting=2), StandInGpus())
    add(store, "a")
    scheduler.check_room()
    add(store, "b")
    with pytest.raises(QueueFull):
        scheduler.check_room()
    with pytest.raises(QueueFull):
        store.add("c", SPEC, None, max_waiting=2)


def test_a_retry_waits_for_its_time_and_a_stop_cancels_it(
    store: Store, scheduler: Scheduler
) -> None:
    add(store, "a", retries=Retries(times=1, error_codes=("supervisor_lost",)))
    store.begin("a")
    far, past = store.get("a").started_at + 60, 1.0
    assert QueueStore(store).try_again("a", retry_at=far)
    assert list(scheduler.due([])) == []
    row = store.get("a")
    assert (row.status, row.retries_used, row.started_at) == ("pending", 1, None)
    store.request_stop("a")
    assert list(scheduler.due([])) == []
    assert store.get("a").status == "stopped"
    assert not QueueStore(store).try_again("a", retry_at=past)


def test_a_retry_that_is_due_starts_the_next_attempt(store: Store, scheduler: Scheduler) -> None:
    add(store, "a")
    store.begin("a")
    QueueStore(store).try_again("a", retry_at=1.0)
    assert list(scheduler.due([])) == ["a"]
    assert store.begin("a") == 2


def test_a_run_that_was_asked_to_stop_is_not_tried_again(store: Store) -> None:
    add(store, "a")
    store.begin("a")
    store.request_stop("a")
    assert not QueueStore(store).try_again("a", retry_at=1.0)


def test_a_long_queue_costs_no_more_than_a_short_one(store: Store, scheduler: Scheduler) -> None:
    add(store, *(f"run-{i:03}" for i in range(150)), resources=Resources(cpus=1))
    assert list(scheduler.due([])) == ["run-000", "run-001"]
    assert len(scheduler.reasons()) <= 100


def test_runs_let_in_side_by_side_keep_their_order_whoever_begins_first(
    store: Store, scheduler: Scheduler
) -> None:
    add(store, "a", "b")
    add(store, "urgent", priority=1)
    assert list(scheduler.due([])) == ["urgent", "a"]
    assert scheduler.places()["b"] == 3
    for run_id in ("a", "urgent"):
        store.begin(run_id)
    urgent, a = (store.get(i).started_at or 0.0 for i in ("urgent", "a"))
    assert 0 < urgent < a
    assert store.get("b").started_at is None
