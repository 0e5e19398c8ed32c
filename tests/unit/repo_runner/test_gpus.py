"""Against a stand-in in the shape of NVIDIA's library: no test here has seen a GPU."""

from types import SimpleNamespace

import pynvml
import pytest

from repo_runner import gpus
from repo_runner.gpus import Gpu, Gpus
from repo_runner.settings import Settings


class StandIn:
    """The five calls that are made of NVML, over a list of (used, total) bytes."""

    def __init__(self, *memory: tuple[int, int]) -> None:
        self.memory = list(memory)
        self.lost: set[int] = set()

    def nvmlInit(self) -> None:
        pass

    def nvmlDeviceGetCount(self) -> int:
        return len(self.memory)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:
        return index

    def nvmlDeviceGetIndex(self, handle: int) -> int:
        return handle

    def nvmlDeviceGetUUID(self, handle: int) -> str:
        return f"GPU-{handle}abc"

    def nvmlDeviceGetName(self, handle: int) -> str:
        return "stand-in"

    def nvmlDeviceGetMemoryInfo(self, handle: int) -> SimpleNamespace:
        if handle in self.lost:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_GPU_IS_LOST)
        used, total = self.memory[handle]
        return SimpleNamespace(used=used, total=total)


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> StandIn:
    stand_in = StandIn((1 << 20, 80 << 30), (60 << 30, 80 << 30))
    for name in dir(stand_in):
        if name.startswith("nvml"):
            monkeypatch.setattr(pynvml, name, getattr(stand_in, name))
    monkeypatch.setattr(gpus, "has_gpu", lambda: True)
    return stand_in


def look(settings: Settings, visible: str | None = None) -> tuple[Gpu, ...]:
    env = {} if visible is None else {"CUDA_VISIBLE_DEVICES": visible}
    return Gpus(Settings(settings.home, script_env=env)).look()


def test_memory_that_anybody_uses_is_counted(library: StandIn, settings: Settings) -> None:
    assert [gpu.is_free for gpu in look(settings)] == [True, False]


@pytest.mark.parametrize(
    ("visible", "indices"),
    [("1", [1]), ("0,1", [0, 1]), ("GPU-1", [1]), ("", []), ("-1", []), ("NoDevFiles", [])],
)
def test_the_operator_says_which_gpus_runs_may_use(
    library: StandIn, settings: Settings, visible: str, indices: list[int]
) -> None:
    assert [gpu.index for gpu in look(settings, visible)] == indices


def test_a_gpu_that_is_lost_is_not_there(library: StandIn, settings: Settings) -> None:
    library.lost.add(0)
    assert [gpu.index for gpu in look(settings)] == [1]


def test_a_driver_that_does_not_answer_means_no_gpus(
    library: StandIn, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise pynvml.NVMLError(pynvml.NVML_ERROR_DRIVER_NOT_LOADED)

    monkeypatch.setattr(pynvml, "nvmlInit", fail)
    assert look(settings) == ()
