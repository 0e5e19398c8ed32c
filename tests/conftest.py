"""Shared fixtures: a data folder of its own for each test, and the proof that nothing is left behind."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from repo_runner.settings import Settings
from tests.leftovers import SESSION_FOLDER, Snapshot

pytest.register_assert_rewrite("tests.backend_contract")
pytest_plugins = [
    "tests.git_fixtures",
    "tests.app_fixtures",
    "tests.ray_fixtures",
    "tests.fault_matrix",
    "tests.integration.faults.stores",
]

ROOT = Path(__file__).resolve().parent.parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Each ring is marked by its folder."""
    for item in items:
        ring = item.path.relative_to(ROOT / "tests").parts[0]
        if ring in ("unit", "integration", "e2e"):
            item.add_marker(ring)


# Whoever starts the tests in the background may ignore these for us, and what we start would inherit that.
for _number in (signal.SIGINT, signal.SIGHUP):
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, signal.SIG_DFL)


@pytest.fixture(scope="session", autouse=True)
def session_folder(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Marks everything this session starts."""
    os.environ[SESSION_FOLDER] = str(tmp_path_factory.getbasetemp())


@pytest.fixture(scope="session", autouse=True)
def a_thread_each() -> None:
    """Trainings that wait for each other's threads, side by side on two cores, take many times longer."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the person who runs the tests reaches them."""
    for name in [n for n in os.environ if n.startswith("REPO_RUNNER_")]:
        monkeypatch.delenv(name)
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)


@pytest.fixture(autouse=True)
def nothing_left_behind(request: pytest.FixtureRequest) -> Iterator[None]:
    """After every test of the outer rings: no process, no listening port, no half-written file."""
    if "unit" in request.node.path.parts:
        yield
        return
    before = Snapshot.take()
    yield
    folder = request.node.funcargs.get("tmp_path")
    before.assert_nothing_new(folder)


@pytest.fixture(scope="session")
def shared_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Caches that tests may share: building an environment with torch twice would prove nothing."""
    return tmp_path_factory.mktemp("shared")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings with a data folder of their own."""
    return Settings.from_env({**os.environ, "REPO_RUNNER_HOME": str(tmp_path / "home")})
