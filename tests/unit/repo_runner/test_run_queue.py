import pytest

from repo_runner.capacity import Capacity
from repo_runner.errors import ResourcesMissing
from repo_runner.gpus import Gpu
from repo_runner.models import Resources
from repo_runner.run_queue import Held, Plan, Waits, plan

CAPACITY = Capacity(cpus=8, memory_bytes=16 * 10**9, gpus=2)
FREE = 100 << 20


def gpu(index: int, used: int = FREE) -> Gpu:
    return Gpu(f"GPU-{index}", index, "stand-in", 80 * 10**9, used)


def waits(run_id: str, **asked: int) -> Waits:
    return Waits(run_id, Resources(gpus=asked.pop("gpus", 0), **asked))


def held(run_id: str, *gpus: str, **asked: int) -> Held:
    return Held(run_id, Resources(**asked), gpus)


def planned(
    waiting: list[Waits], *holding: Held, gpus: tuple[Gpu, ...] = (), places: int = 9
) -> Plan:
    return plan(waiting, holding, max_running=places, capacity=CAPACITY, gpus=gpus)


def test_runs_start_in_their_order_while_there_are_places() -> None:
    result = planned([waits("a"), waits("b"), waits("c")], held("x"), places=3)
    assert list(result.starts) == ["a", "b"]
    assert result.reasons == {"c": "Waits for a place: 3 runs train, at most 3 may."}


def test_what_runs_hold_together_never_exceeds_the_machine() -> None:
    result = planned([waits("a", cpus=4), waits("b", cpus=1)], held("x", cpus=6))
    assert result.starts == {}
    assert result.reasons["a"] == "Waits for 4 CPUs: 2 of 8 are free."


def test_a_large_run_is_not_starved_by_small_ones_behind_it() -> None:
    result = planned([waits("large", cpus=8), waits("small", cpus=1)], held("x", cpus=1))
    assert result.starts == {}
    assert result.reasons["small"] == "Waits behind a run that needs the same."


def test_who_needs_nothing_of_what_is_kept_may_pass() -> None:
    waiting = [waits("wants-gpu", gpus=1), waits("plain", cpus=1)]
    result = planned(waiting, held("x", "GPU-0"), gpus=(gpu(0),))
    assert list(result.starts) == ["plain"]


def test_memory_is_held_like_cpus() -> None:
    waiting = [waits("a", memory_bytes=10 * 10**9)]
    result = planned(waiting, held("x", memory_bytes=8 * 10**9))
    assert result.reasons["a"] == "Waits for 10 GB of memory: 8 GB of 16 GB are free."


def test_each_run_gets_gpus_of_its_own() -> None:
    waiting = [waits("a", gpus=1), waits("b", gpus=1), waits("c", gpus=1)]
    result = planned(waiting, gpus=(gpu(0), gpu(1)))
    assert result.starts == {"a": ("GPU-0",), "b": ("GPU-1",)}
    assert "GPU 0 is held by a" in result.reasons["c"]


def test_a_gpu_that_other_people_use_is_not_free() -> None:
    waiting = [waits("a", gpus=1), waits("b", gpus=1)]
    result = planned(waiting, gpus=(gpu(0, used=60 * 10**9), gpu(1)))
    assert result.starts == {"a": ("GPU-1",)}
    assert "GPU 0 is used by processes of others (60.0 GB)" in result.reasons["b"]


def test_a_run_that_asks_for_nothing_gets_one_gpu_where_there_are_any() -> None:
    unasked = Waits("a", Resources())
    assert planned([unasked], gpus=(gpu(0), gpu(1))).starts == {"a": ("GPU-0",)}
    assert planned([unasked]).starts == {"a": None}


def test_a_run_that_asks_for_none_sees_none() -> None:
    assert planned([waits("a", gpus=0)], gpus=(gpu(0),)).starts == {"a": ()}


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"cpus": 9}, "resources.cpus"),
        ({"memory_bytes": 17 * 10**9}, "resources.memory_bytes"),
        ({"gpus": 3}, "resources.gpus"),
    ],
)
def test_what_could_never_start_is_refused_and_names_its_field(asked: dict, field: str) -> None:
    with pytest.raises(ResourcesMissing) as caught:
        CAPACITY.check(Resources(**asked))
    assert caught.value.field == field


def test_what_fits_exactly_is_accepted() -> None:
    CAPACITY.check(Resources(cpus=8, memory_bytes=16 * 10**9, gpus=2))
