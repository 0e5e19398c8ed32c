"""E2: the processes of a run are killed at each of their writes and renames, the app starts again, and all is well."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from examples.git_server import GitServer
from repo_runner.manager import Manager
from repo_runner.models import RunStatus
from repo_runner.settings import Settings
from tests.app_fixtures import app_env
from tests.fault_matrix import NOTE
from tests.git_fixtures import MakeRepo
from tests.integration.faults import invariants
from tests.integration.faults.lives import Life, make_old, warm_up
from tests.integration.faults.scripts import TRAINING_REPO, WAITING_REPO

#: Lives that are lived at the same time: most of each is waiting.
_AT_ONCE = 3
#: So many kills, evenly spread, in the usual test run; `make faults` kills at every point.
_USUAL = 30

#: How often these come depends on the clock.
_BY_THE_CLOCK = re.compile(r"event (progress|resources)|store\.apply ([4-9]|\d\d)")

MakeLife = Callable[[str, str], Life]


@pytest.fixture(scope="module", autouse=True)
def forkserver() -> None:
    """It lives as long as the test session: it is started before a test counts processes."""
    warm_up()


@pytest.fixture
def make_life(
    tmp_path: Path, git_server: GitServer, shared_caches: Path, make_repo: MakeRepo
) -> MakeLife:
    """`make_life("trained", "3")`: on a fresh data folder that shares the environments and nothing else."""
    env = app_env(git_server, shared_caches)
    urls = {name: make_repo(repo)[0] for name, repo in _REPOS.items()}

    def make(story: str, number: str) -> Life:
        home = tmp_path / f"{story}-{number}"
        (home / "cache").mkdir(parents=True)
        for cache in ("environments", "bytecode", "uv"):
            (shared_caches / cache).mkdir(exist_ok=True)
            (home / "cache" / cache).symlink_to(shared_caches / cache)
        settings = Settings.from_env(env | {"REPO_RUNNER_HOME": str(home)})
        if story == "updated":
            make_old(settings)
        return Life(settings, urls[story], story)

    return make


_REPOS = {
    "trained": TRAINING_REPO,
    "resumed": WAITING_REPO,
    "deleted": TRAINING_REPO,
    "updated": TRAINING_REPO,
}


@dataclass(frozen=True)
class Point:
    """Where one life is cut."""

    number: int
    story: str
    name: str


@pytest.mark.timeout(1800)
def test_E2_a_kill_at_any_write_or_rename_leaves_one_true_run(
    make_life: MakeLife, subtests: pytest.Subtests, record_property: Callable[[str, object], None]
) -> None:
    points = recorded(make_life)
    show(points)
    usual = [points[i * len(points) // _USUAL] for i in range(_USUAL)]
    chosen = points if os.environ.get("TEST_ALL_FAULTS") else usual
    assert len({point.number for point in chosen}) >= _USUAL
    record_property(NOTE, f"killed at {len(chosen)} of {len(points)} points")
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        outcomes = pool.map(lambda point: outcome_of(make_life, point), chosen)
        for point, outcome in zip(chosen, outcomes, strict=True):
            with subtests.test(str(point.number), point=point.name):
                assert outcome == ""


def recorded(make_life: MakeLife) -> list[Point]:
    """The points of an undisturbed life of each kind, each once, numbered."""
    names: dict[str, str] = {}
    for story in _REPOS:
        life = make_life(story, "undisturbed")
        assert life.live() == 0
        if story != "deleted":
            check(life, "")
        for name in life.passed.read_text().splitlines():
            if not _BY_THE_CLOCK.search(name) and is_new(name):
                names.setdefault(name, story)
    return [Point(number, story, name) for number, (name, story) in enumerate(names.items(), 1)]


def is_new(name: str) -> bool:
    """Before an event is after the one before it."""
    return not (": event " in name and name.endswith("before"))


def outcome_of(make_life: MakeLife, point: Point) -> str:
    """Live until the point, be killed there, start again; what is wrong then, or nothing."""
    life = make_life(point.story, str(point.number))
    try:
        code = life.live(point.name)
        assert life.passed.with_name(life.passed.name + ".killed").exists(), "nobody came there"
        if point.name.startswith("app"):
            assert code != 0
            code = life.live()
        assert code == 0, f"the app ended with {code}"
        if point.story == "deleted" and not is_kept(point):
            assert_nothing_of_it(life)
        else:
            check(life, point.name)
    except Exception as error:  # noqa: BLE001  # becomes the subtest's failure, in the main thread
        return f"{type(error).__name__}: {error}"
    return ""


def is_kept(point: Point) -> bool:
    """A deletion counts from its first rename on; before it, the run is as it was."""
    return point.name.endswith("rename to runs/.deleted-RUN, before")


def check(life: Life, point: str) -> None:
    manager = Manager(life.settings)
    try:
        run = invariants.check(manager)
        if point.startswith("supervisor") and run.status is RunStatus.FAILED:
            assert run.failure
            assert run.failure.error_code == "supervisor_lost"
        else:
            assert run.status is RunStatus.SUCCEEDED, run.failure
            assert manager.logs(run.run_id).text.endswith("done\n")
    finally:
        manager.close()


def assert_nothing_of_it(life: Life) -> None:
    manager = Manager(life.settings)
    try:
        assert manager.list().total == 0
        assert list(manager.paths.runs.iterdir()) == []
        assert [p.name for p in (life.settings.home / "secrets").iterdir()] == ["key"]
    finally:
        manager.close()


def show(points: list[Point]) -> None:
    """The numbered list, for people."""
    folder = Path("build")
    folder.mkdir(exist_ok=True)
    lines = [f"{p.number:3} {p.story:8} {p.name}\n" for p in points]
    (folder / "crash-points.txt").write_text("".join(lines))
