"""Builds that fail: each fault is a real one, and is said by its own name with uv's own words."""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from repo_runner import process
from repo_runner.manager import Manager
from repo_runner.models import Submission
from repo_runner.process import ProcessIdentity
from repo_runner.settings import Settings
from tests.app_fixtures import following, wait_until_ended
from tests.git_fixtures import MakeRepo
from tests.integration.environment_bench import DEADLINE_S, Bench
from tests.integration.wheel_index import WheelIndex
from tests.wheelhouse import make_package, make_wheel

pytest_plugins = ("tests.integration.environment_fixtures",)

_SCRIPT = {"train.py": "print('hello')\n"}
_PROJECT = (
    '[project]\nname = "p"\nversion = "1"\nrequires-python = ">=3.9"\ndependencies = ["alpha"]\n'
)


def test_A5_a_malicious_release_given_as_a_file_is_refused(bench: Bench, wheels: Path) -> None:
    wheel = "lightning-2.6.3-py3-none-any.whl"
    (bench.checkout / wheel).write_bytes((wheels / wheel).read_bytes())
    bench.write("requirements.txt", f"./{wheel}\n")
    assert bench.fails().error_code in ("requirement_invalid", "resolution_impossible")
    assert bench.builds == []


def test_C1_requirements_that_contradict_each_other_are_explained(bench: Bench) -> None:
    bench.write("requirements.txt", "beta\n")
    error = bench.fails("alpha==2.0")
    assert error.error_code == "resolution_impossible"
    assert "beta" in " ".join(error.lines)
    assert "alpha" in " ".join(error.lines)


def test_C1_a_version_that_does_not_exist_is_a_failed_resolution(bench: Bench) -> None:
    bench.write("requirements.txt", "alpha==9\n")
    assert bench.fails().error_code == "resolution_impossible"


def test_C1_a_package_for_another_python_has_no_matching_wheel(bench: Bench) -> None:
    bench.write("requirements.txt", "ancient\n")
    assert bench.fails().error_code == "no_matching_wheel"


def test_C1_a_malformed_line_in_the_repository_is_an_invalid_requirement(bench: Bench) -> None:
    bench.write("requirements.txt", "alpha ===== 1\n")
    error = bench.fails()
    assert error.error_code == "requirement_invalid"
    assert "alpha ===== 1" in " ".join(error.lines)


def test_C1_a_package_whose_build_raises_is_a_failed_build_with_its_last_words(
    bench: Bench,
) -> None:
    make_package(bench.checkout, extra="raise RuntimeError('no compiler for this')")
    error = bench.fails()
    assert error.error_code == "build_failed"
    assert "no compiler for this" in " ".join(error.lines)
    assert bench.builds == []


def test_C2_an_index_that_does_not_answer_is_unreachable(bench: Bench) -> None:
    bench.write("requirements.txt", "alpha\n")
    nowhere = {"UV_DEFAULT_INDEX": "http://127.0.0.1:9/simple", "UV_HTTP_RETRIES": "0"}
    error = bench.with_uv(**nowhere, UV_CONFIG_FILE="", UV_FIND_LINKS="").fails()
    assert error.error_code == "index_unreachable"
    assert len(error.lines) <= 20
    assert bench.prepare().freeze == ("alpha==2.0",)


@pytest.fixture
def index(wheels: Path) -> Iterator[WheelIndex]:
    with WheelIndex(wheels) as index:
        yield index


@pytest.fixture
def indexed(bench: Bench, index: WheelIndex) -> Bench:
    """uv asks the index and nobody else, with little patience."""
    bench.write("requirements.txt", "alpha\n")
    only = {"UV_DEFAULT_INDEX": index.url, "UV_FIND_LINKS": "", "UV_CONFIG_FILE": ""}
    return bench.with_uv(**only, UV_HTTP_TIMEOUT="1", UV_HTTP_RETRIES="1")


@pytest.mark.parametrize("status", [429, 503])
def test_C2_an_index_that_refuses_is_asked_again_and_then_unreachable(
    indexed: Bench, index: WheelIndex, status: int
) -> None:
    index.status = status
    error = indexed.fails()
    assert error.error_code == "index_unreachable"
    assert str(status) in " ".join(error.lines)
    assert len(index.requests) == 2
    index.status = 0
    assert indexed.prepare().freeze == ("alpha==2.0",)


def test_C2_an_index_that_stalls_is_unreachable(indexed: Bench, index: WheelIndex) -> None:
    index.stalls = True
    assert indexed.fails().error_code == "index_unreachable"
    index.stalls = False
    assert indexed.prepare().freeze == ("alpha==2.0",)


def test_C2_a_wheel_that_is_not_what_the_lock_says_is_refused_and_not_kept(
    indexed: Bench, index: WheelIndex, tmp_path: Path
) -> None:
    indexed.write("pyproject.toml", _PROJECT)
    indexed.uv("lock")
    index.sends_from = make_wheel(tmp_path / "other", "alpha", "2.0", modules=3).parent
    error = indexed.fails()
    assert error.error_code == "hash_mismatch"
    assert "alpha" in " ".join(error.lines)
    assert indexed.builds == []
    index.sends_from = index.folder
    assert indexed.prepare().freeze == ("alpha==2.0",)


def test_C4_a_build_that_hangs_is_given_up_and_its_processes_end(
    bench: Bench, tmp_path: Path
) -> None:
    child = tmp_path / "pid"
    start = "import subprocess; p = subprocess.Popen(['sleep', '600']); "
    hang = start + f"pathlib.Path({str(child)!r}).write_text(str(p.pid)); p.wait()"
    make_package(bench.checkout, extra=hang)
    error = bench.with_settings(build_timeout_s=3.0).fails()
    assert error.error_code == "build_timeout"
    assert error.lines
    assert ProcessIdentity.of(int(child.read_text())) is None
    assert bench.builds == []


def test_C4_a_run_whose_build_escapes_into_a_session_of_its_own_leaves_no_process(
    run_settings: Settings, make_repo: MakeRepo, tmp_path: Path
) -> None:
    escape = "__import__('subprocess').Popen(['sleep', '600'], start_new_session=True).wait()"
    make_package(tmp_path / "package", needs="", extra=escape)
    files = {str(p.relative_to(tmp_path / "package")): p for p in (tmp_path / "package").rglob("*")}
    url, _ = make_repo({n: p.read_text() for n, p in files.items() if p.is_file()} | _SCRIPT)
    own_env = {**run_settings.own_env, "REPO_RUNNER_BUILD_TIMEOUT_S": "3"}
    manager = Manager(dataclasses.replace(run_settings, own_env=own_env))
    manager.recover()
    run_id = manager.submit(Submission(link=url, script_path="train.py")).run_id
    with following(manager, run_id):
        failure = wait_until_ended(manager, run_id).failure
    manager.close()
    assert failure is not None
    assert failure.error_code == "build_timeout"


def test_C1_a_python_that_is_not_there_is_unavailable_and_the_installed_ones_are_named(
    bench: Bench,
) -> None:
    error = bench.fails(python="3.99")
    assert error.error_code == "python_unavailable"
    assert f"{sys.version_info.major}.{sys.version_info.minor}." in error.message


@pytest.mark.parametrize("python", ["/usr/bin/python3", "--managed-python", "latest"])
def test_a_python_that_is_no_version_is_refused(bench: Bench, python: str) -> None:
    assert bench.fails(python=python).error_code == "invalid_input"


def test_C5_a_full_disk_is_said(bench: Bench, full_disk: Path) -> None:
    bench.write("requirements.txt", "gamma\n")
    error = bench.with_uv(UV_CACHE_DIR=str(full_disk / "uv")).fails()
    assert error.error_code == "disk_full"
    assert bench.builds == []


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB; only root can make one."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(folder)]
    if process.run(mount, env=dict(os.environ), timeout_s=DEADLINE_S).exit_code:
        pytest.skip("file systems can be mounted only by root")
    yield folder
    process.run(["umount", str(folder)], env=dict(os.environ), timeout_s=DEADLINE_S)
