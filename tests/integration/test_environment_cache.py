"""The shared caches: one build for all, nothing half-built ever used, everything shared, old things gone."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from examples.git_server import GitServer
from repo_runner import process
from repo_runner.environment import Environment
from repo_runner.housekeeping import Tidied, cache_bytes, tidy
from repo_runner.manager import Manager
from repo_runner.models import Submission
from repo_runner.paths import HomePaths
from repo_runner.settings import Settings
from tests.app_fixtures import app_env, following, wait_until_ended
from tests.git_fixtures import MakeRepo
from tests.integration.environment_bench import DEADLINE_S, Bench, evaluate
from tests.waiting import wait_for
from tests.wheelhouse import make_package

pytest_plugins = ("tests.integration.environment_fixtures",)


def test_a_prepared_environment_is_reused_without_any_process(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.write("requirements.txt", "alpha\n")
    built = bench.prepare()
    monkeypatch.setattr(process, "start", None)
    reused = bench.prepare()
    assert reused == dataclasses.replace(built, reused=True)
    assert bench.log.count(" + alpha==2.0") == 2, "the build's log is said to every run"


def test_what_is_in_the_files_decides_whether_an_environment_fits(bench: Bench) -> None:
    bench.write("requirements.txt", "-r more.txt\n")
    bench.write("more.txt", "alpha==1.0\n")
    first = bench.prepare()
    bench.write("more.txt", "alpha==2.0\n")
    second = bench.prepare()
    assert (first.freeze, second.freeze) == (("alpha==1.0",), ("alpha==2.0",))
    assert first.key != second.key


def test_C3_ten_runs_at_once_build_one_environment(bench: Bench) -> None:
    bench.write("requirements.txt", "gamma\n")
    with ThreadPoolExecutor(10) as threads:
        prepared = list(threads.map(lambda _: bench.prepare(), range(10)))
    assert [e.reused for e in prepared].count(False) == 1
    assert len({e.path for e in prepared}) == len(bench.builds) == 1
    assert "waiting" in {stage for stage, _, _ in bench.progress}


def test_C3_a_build_killed_half_way_does_not_harm_the_next(bench: Bench, tmp_path: Path) -> None:
    started, go_on = tmp_path / "started", tmp_path / "go on"
    hang = f"pathlib.Path({str(go_on)!r}).exists() or pathlib.Path({str(started)!r}).touch() or "
    make_package(bench.checkout, extra=hang + "__import__('signal').pause()")
    with _builder_in_another_process(bench) as builder:
        wait_for(started.exists, what="the build to start")
        orphans = psutil.Process(builder).children(recursive=True)
        os.kill(builder, signal.SIGKILL)
        go_on.touch()
        environment = bench.prepare()
    assert evaluate(environment, "import package; print(package.VALUE)") == "from the package"
    assert [environment.path.parent] == bench.builds
    _end(orphans)


def test_a_stopped_run_ends_its_build_and_leaves_nothing(bench: Bench, tmp_path: Path) -> None:
    started = tmp_path / "started"
    hang = f"pathlib.Path({str(started)!r}).touch() or __import__('signal').pause()"
    make_package(bench.checkout, extra=hang)
    cancel = threading.Event()
    with ThreadPoolExecutor(1) as threads:
        building = threads.submit(bench.prepare, cancel=cancel)
        wait_for(started.exists, what="the build to start")
        cancel.set()
        assert isinstance(building.exception(DEADLINE_S), process.ProcessCancelled)
    assert bench.builds == []


def test_bytecode_is_there_whatever_the_surroundings_say(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    bench.write("requirements.txt", "gamma\n")
    environment = bench.with_uv(PYTHONDONTWRITEBYTECODE="1").prepare()
    assert len(compiled(environment, "gamma")) == 400


def test_environments_share_their_files_and_their_bytecode(bench: Bench) -> None:
    bench.write("requirements.txt", "gamma\n")
    one, two = bench.prepare(), bench.prepare("alpha")
    shared = [path.stat().st_ino for path in compiled(one, "gamma")]
    assert [path.stat().st_ino for path in compiled(two, "gamma")] == shared
    assert not any("400 modules" in line for line in bench.log[bench.log.index("alpha==2.0") :])
    evaluate(two, "import gamma.module_1")
    assert [path.stat().st_ino for path in compiled(two, "gamma")] == shared


def test_an_environment_in_use_is_not_removed(bench: Bench) -> None:
    bench.write("requirements.txt", "")
    used, idle = bench.prepare("alpha"), bench.prepare("gamma")
    bench.environments.release(idle)
    full = dataclasses.replace(bench.settings, max_cache_bytes=0)
    assert tidy(full).removed == (idle.key,)
    assert evaluate(used, "import alpha; print(alpha.VERSION)") == "2.0"
    bench.environments.release(used)
    assert tidy(full).removed == (used.key,)
    assert bench.builds == []
    assert not bench.prepare("alpha").reused


def test_the_longest_unused_environment_goes_first_and_no_more_than_needed(bench: Bench) -> None:
    bench.write("requirements.txt", "")
    old, new = bench.prepare("alpha"), bench.prepare("gamma")
    for environment in (old, new, bench.prepare("alpha")):
        bench.environments.release(environment)
    before = cache_bytes(bench.settings)
    assert tidy(bench.settings) == Tidied(0, ())
    tidied = tidy(dataclasses.replace(bench.settings, max_cache_bytes=before - 1))
    assert tidied.removed == (new.key,)
    assert tidied.bytes_freed == before - cache_bytes(bench.settings) > 0


def test_what_no_run_has_used_for_long_goes_whatever_room_there_is(bench: Bench) -> None:
    bench.write("requirements.txt", "")
    for environment in (bench.prepare("alpha"), bench.prepare("gamma")):
        bench.environments.release(environment)
    assert len(tidy(dataclasses.replace(bench.settings, max_cache_age_s=0)).removed) == 2


def test_the_last_environment_takes_its_packages_and_bytecode_along(bench: Bench) -> None:
    bench.write("requirements.txt", "")
    kept, gone = bench.prepare("alpha"), bench.prepare("gamma")
    bench.environments.release(gone)
    tidy(dataclasses.replace(bench.settings, max_cache_bytes=0))
    assert cached(bench, "*/archive-v*/*/gamma/*") == cached(bench, "bytecode/*/*/*")[2:] == []
    assert len(cached(bench, "*/archive-v*/*/alpha/__init__.py")) == 1
    assert compiled(kept, "alpha")


def test_an_installers_cache_of_the_operators_is_left_alone(bench: Bench, tmp_path: Path) -> None:
    bench = bench.with_uv(UV_CACHE_DIR=str(tmp_path / "operators"))
    bench.write("requirements.txt", "alpha\n")
    bench.environments.release(bench.prepare())
    tidy(dataclasses.replace(bench.settings, max_cache_bytes=0))
    assert cache_bytes(bench.settings) == 0
    assert list((tmp_path / "operators").glob("archive-v*/*/alpha"))


def test_C3_what_a_killed_build_left_is_swept_though_nobody_asks_for_it_again(bench: Bench) -> None:
    left = HomePaths(bench.settings.home).environments / "key" / "build"
    left.mkdir(parents=True)
    (left.parent / "lock").touch()
    (left / "half.py").write_text("x" * 10_000)
    assert tidy(bench.settings).bytes_freed > 0
    assert bench.builds == []


def test_a_run_that_has_built_an_environment_tidies_after_its_end(
    git_server: GitServer, shared_caches: Path, make_repo: MakeRepo, tmp_path: Path
) -> None:
    more = {"REPO_RUNNER_HOME": str(tmp_path / "home"), "REPO_RUNNER_MAX_CACHE_BYTES": "0"}
    manager = Manager(Settings.from_env(app_env(git_server, shared_caches) | more))
    manager.recover()
    keys = [run_key(manager, make_repo, text) for text in ("", "# another\n")]
    folder = HomePaths(manager.settings.home).environments
    wait_for(lambda: not list((folder / str(keys[0])).glob("*/venv")), what="the tidying")
    assert list((folder / str(keys[1])).glob("*/venv")), "a run's own environment is in use"
    manager.close()


def run_key(manager: Manager, make_repo: MakeRepo, requirements: str) -> str | None:
    url, _ = make_repo({"train.py": "print()\n", "requirements.txt": requirements})
    run_id = manager.submit(Submission(link=url, script_path="train.py")).run_id
    with following(manager, run_id):
        return wait_until_ended(manager, run_id).environment_key


def cached(bench: Bench, pattern: str) -> list[Path]:
    return sorted((bench.settings.home / "cache").glob(pattern))


def compiled(environment: Environment, package: str) -> list[Path]:
    return sorted(environment.path.glob(f"lib/python*/site-packages/{package}/__pycache__/*.pyc"))


@contextlib.contextmanager
def _builder_in_another_process(bench: Bench) -> Iterator[int]:
    code = (
        "import sys; from pathlib import Path; from repo_runner.environment import *\n"
        "from repo_runner.settings import Settings\n"
        "Environments(Settings.from_env()).prepare(EnvironmentRequest(Path(sys.argv[1]), 'train.py'), "
        "log=print, on_progress=print)\n"
    )
    env = {**bench.settings.installer_env, "REPO_RUNNER_HOME": str(bench.settings.home)}
    root = Path(__file__).resolve().parents[2]
    child = process.start([sys.executable, "-c", code, str(bench.checkout)], env=env, cwd=root)
    try:
        yield child.pid
    finally:
        process.kill_group(child)


def _end(processes: list[psutil.Process]) -> None:
    for each in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            each.kill()
    psutil.wait_procs(processes, timeout=5)
