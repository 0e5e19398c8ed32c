"""Environments: real uv, with small wheels made on the spot, so that no network is needed."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from repo_runner import process
from repo_runner.environment import Environment, Environments
from repo_runner.errors import RunnerError
from repo_runner.paths import HomePaths
from repo_runner.settings import Settings
from tests.waiting import wait_for
from tests.wheelhouse import make_package, make_wheel

_DEADLINE_S = 30


@dataclass
class Bench:
    """One data folder, one checkout, and what was said while preparing."""

    settings: Settings
    checkout: Path
    log: list[str] = field(default_factory=list)
    progress: list[tuple[str, float | None, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.environments = Environments(self.settings)

    def write(self, path: str, text: str) -> None:
        (self.checkout / path).parent.mkdir(parents=True, exist_ok=True)
        (self.checkout / path).write_text(text)

    def prepare(
        self,
        *requirements: str,
        script: str = "train.py",
        python: str = "",
        cancel: threading.Event | None = None,
    ) -> Environment:
        return self.environments.prepare(
            self.checkout,
            script,
            requirements,
            python=python,
            log=self.log.append,
            on_progress=lambda *said: self.progress.append(said),
            cancel=cancel,
        )

    def fails(self, *requirements: str, python: str = "") -> RunnerError:
        with pytest.raises(RunnerError) as caught:
            self.prepare(*requirements, python=python)
        return caught.value

    def with_uv(self, **variables: str) -> Bench:
        merged = {**self.settings.installer_env, **variables}
        installer_env = {name: value for name, value in merged.items() if value}
        return Bench(dataclasses.replace(self.settings, installer_env=installer_env), self.checkout)

    @property
    def builds(self) -> list[Path]:
        """The folders of all builds, finished or not."""
        return [p for p in HomePaths(self.settings.home).environments.glob("*/*") if p.is_dir()]


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheels")
    make_wheel(folder, "alpha", "1.0")
    make_wheel(folder, "alpha", "2.0")
    make_wheel(folder, "beta", "1.0", requires="alpha<2")
    make_wheel(folder, "gamma", "1.0", modules=400)
    make_wheel(folder, "ancient", "1.0", tag="cp27-cp27m-manylinux1_x86_64")
    for version in ("2.6.1", "2.6.2", "2.6.3"):
        make_wheel(folder, "lightning", version)
    return folder


@pytest.fixture
def bench(settings: Settings, wheels: Path, tmp_path: Path) -> Bench:
    """uv sees only the handmade wheels; there is one empty repository."""
    own = {n: v for n, v in settings.installer_env.items() if not n.startswith(("UV_", "PIP_"))}
    settings_file = tmp_path / "operator" / "uv.toml"
    settings_file.parent.mkdir()
    settings_file.write_text("no-index = true\npython-downloads = 'never'\n")
    uv = {"UV_FIND_LINKS": str(wheels), "UV_CONFIG_FILE": str(settings_file)}
    isolated = dataclasses.replace(settings, installer_env={**own, **uv})
    (tmp_path / "checkout").mkdir()
    (tmp_path / "checkout" / "train.py").write_text("print('hello')\n")
    return Bench(isolated, tmp_path / "checkout")


def evaluate(environment: Environment, code: str, **env: str) -> str:
    """What a run's script would see: the environment's interpreter, outside the checkout."""
    done = process.run([str(environment.python), "-c", code], env=env, timeout_s=_DEADLINE_S)
    assert done.exit_code == 0, done.output
    return done.output.strip()


def snapshot(folder: Path) -> dict[str, tuple[int, bytes]]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path): (path.stat().st_mtime_ns, path.read_bytes()) for path in files}


def test_a_requirements_file_is_found_and_extra_requirements_are_layered_on_top(
    bench: Bench,
) -> None:
    bench.write("requirements.txt", "beta\n")
    environment = bench.prepare("gamma==1.0")
    assert environment.freeze == ("alpha==1.0", "beta==1.0", "gamma==1.0")
    assert evaluate(environment, "import beta, gamma; print(beta.VERSION)") == "1.0"
    assert not environment.reused


def test_a_prepared_environment_is_reused_at_once_and_without_any_process(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.write("requirements.txt", "alpha\n")
    built = bench.prepare()
    monkeypatch.setattr(process, "start", None)
    started = time.perf_counter()
    reused = bench.prepare()
    assert time.perf_counter() - started < 0.05
    assert reused == dataclasses.replace(built, reused=True)


def test_nothing_asked_for_gives_an_empty_environment(bench: Bench) -> None:
    bench.write("requirements.txt", "")
    assert bench.prepare().freeze == ()


def test_without_a_file_the_operators_defaults_are_installed(bench: Bench) -> None:
    bench = Bench(
        dataclasses.replace(bench.settings, default_requirements=("beta",)), bench.checkout
    )
    assert bench.prepare("gamma").freeze == ("alpha==1.0", "beta==1.0", "gamma==1.0")
    assert bench.prepare("lightning").freeze == ("lightning==2.6.1",)


def test_what_is_in_the_files_decides_whether_an_environment_fits(bench: Bench) -> None:
    bench.write("requirements.txt", "-r more.txt\n")
    bench.write("more.txt", "alpha==1.0\n")
    first = bench.prepare()
    bench.write("more.txt", "alpha==2.0\n")
    second = bench.prepare()
    assert (first.freeze, second.freeze) == (("alpha==1.0",), ("alpha==2.0",))
    assert first.key != second.key


def test_ten_runs_at_once_build_one_environment(bench: Bench) -> None:
    bench.write("requirements.txt", "gamma\n")
    with ThreadPoolExecutor(10) as threads:
        prepared = list(threads.map(lambda _: bench.prepare(), range(10)))
    assert [e.reused for e in prepared].count(False) == 1
    assert len({e.path for e in prepared}) == len(bench.builds) == 1
    assert "waiting" in {stage for stage, _, _ in bench.progress}


def test_a_lock_file_is_taken_as_it_is(bench: Bench, wheels: Path) -> None:
    project = '[project]\nname = "p"\nversion = "1"\nrequires-python = ">=3.9"\n'
    bench.write("pyproject.toml", project + 'dependencies = ["alpha<2"]\n')
    _uv(bench, "lock")
    bench.write("pyproject.toml", project + 'dependencies = ["alpha"]\n')
    before = snapshot(bench.checkout)
    assert bench.prepare("gamma").freeze == ("alpha==1.0", "gamma==1.0")
    assert snapshot(bench.checkout) == before


def test_a_locked_repository_that_is_a_package_is_installed_from_its_lock(bench: Bench) -> None:
    make_package(bench.checkout, needs="beta")
    _uv(bench, "lock")
    before = snapshot(bench.checkout)
    environment = bench.prepare()
    assert evaluate(environment, "import package; print(package.VALUE)") == "from the package"
    assert "alpha==1.0" in environment.freeze
    assert snapshot(bench.checkout) == before


def test_a_project_that_is_no_package_has_its_dependencies_installed(bench: Bench) -> None:
    bench.write("pyproject.toml", '[project]\nname = "p"\nversion = "1"\ndependencies = ["beta"]\n')
    assert bench.prepare().freeze == ("alpha==1.0", "beta==1.0")


def test_a_repository_that_is_a_package_is_installed_and_stays_unedited(bench: Bench) -> None:
    make_package(bench.checkout, needs="beta")
    before = snapshot(bench.checkout)
    environment = bench.prepare()
    assert evaluate(environment, "import package; print(package.VALUE)") == "from the package"
    assert "beta==1.0" in environment.freeze
    assert snapshot(bench.checkout) == before
    assert bench.prepare().reused


def test_a_change_in_a_packages_code_makes_another_environment(bench: Bench) -> None:
    make_package(bench.checkout)
    first = bench.prepare()
    bench.write("src/package/__init__.py", "VALUE = 'changed'\n")
    assert evaluate(bench.prepare(), "import package; print(package.VALUE)") == "changed"
    assert evaluate(first, "import package; print(package.VALUE)") == "from the package"


def test_requirements_may_name_the_repository_itself(bench: Bench) -> None:
    make_package(bench.checkout / "lib")
    bench.write("requirements.txt", "-e ./lib\nalpha==1.0\n")
    environment = bench.prepare()
    assert evaluate(environment, "import package, alpha; print(alpha.VERSION)") == "1.0"
    assert not (bench.checkout / "lib" / "package.egg-info").exists()


def test_environment_yml_gives_its_pip_part_and_names_what_is_left_out(bench: Bench) -> None:
    text = "dependencies: [python, cudatoolkit, {pip: [alpha==1.0, -r more.txt]}]\n"
    bench.write("environment.yml", text)
    bench.write("more.txt", "gamma\n")
    environment = bench.prepare()
    assert environment.freeze == ("alpha==1.0", "gamma==1.0")
    assert "cudatoolkit" in environment.notes[0]
    assert environment.notes[0] in bench.log


def test_a_range_of_lightning_resolves_around_the_malicious_releases(bench: Bench) -> None:
    bench.write("requirements.txt", "lightning>=2.6\n")
    assert bench.prepare().freeze == ("lightning==2.6.1",)


def test_a_malicious_release_given_as_a_file_is_refused(bench: Bench, wheels: Path) -> None:
    wheel = "lightning-2.6.3-py3-none-any.whl"
    (bench.checkout / wheel).write_bytes((wheels / wheel).read_bytes())
    bench.write("requirements.txt", f"./{wheel}\n")
    assert bench.fails().error_code in ("requirement_invalid", "resolution_impossible")
    assert bench.builds == []


def test_requirements_that_contradict_each_other_are_explained(bench: Bench) -> None:
    bench.write("requirements.txt", "beta\n")
    error = bench.fails("alpha==2.0")
    assert error.error_code == "resolution_impossible"
    assert "beta" in " ".join(error.lines)
    assert "alpha" in " ".join(error.lines)


def test_a_version_that_does_not_exist_is_a_failed_resolution(bench: Bench) -> None:
    bench.write("requirements.txt", "alpha==9\n")
    assert bench.fails().error_code == "resolution_impossible"


def test_a_package_for_another_python_has_no_matching_wheel(bench: Bench) -> None:
    bench.write("requirements.txt", "ancient\n")
    assert bench.fails().error_code == "no_matching_wheel"


def test_a_malformed_line_in_the_repository_is_an_invalid_requirement(bench: Bench) -> None:
    bench.write("requirements.txt", "alpha ===== 1\n")
    error = bench.fails()
    assert error.error_code == "requirement_invalid"
    assert "alpha ===== 1" in " ".join(error.lines)


def test_a_package_whose_build_raises_is_a_failed_build_with_its_last_words(bench: Bench) -> None:
    make_package(bench.checkout, extra="raise RuntimeError('no compiler for this')")
    error = bench.fails()
    assert error.error_code == "build_failed"
    assert "no compiler for this" in " ".join(error.lines)
    assert bench.builds == []


def test_an_index_that_does_not_answer_is_unreachable(bench: Bench) -> None:
    bench.write("requirements.txt", "alpha\n")
    nowhere = {"UV_DEFAULT_INDEX": "http://127.0.0.1:9/simple", "UV_HTTP_RETRIES": "0"}
    error = bench.with_uv(**nowhere, UV_CONFIG_FILE="", UV_FIND_LINKS="").fails()
    assert error.error_code == "index_unreachable"
    assert len(error.lines) <= 20
    assert bench.prepare().freeze == ("alpha==2.0",)


def test_a_python_that_is_not_there_is_unavailable_and_the_installed_ones_are_named(
    bench: Bench,
) -> None:
    error = bench.fails(python="3.99")
    assert error.error_code == "python_unavailable"
    assert f"{sys.version_info.major}.{sys.version_info.minor}." in error.message


@pytest.mark.parametrize("python", ["/usr/bin/python3", "--managed-python", "latest"])
def test_a_python_that_is_no_version_is_refused(bench: Bench, python: str) -> None:
    assert bench.fails(python=python).error_code == "invalid_input"


def test_the_asked_python_is_used(bench: Bench) -> None:
    bench.write("requirements.txt", "")
    asked = f"{sys.version_info.major}.{sys.version_info.minor}"
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    assert evaluate(bench.prepare(python=asked), code) == asked


def test_a_full_disk_is_said(bench: Bench, full_disk: Path) -> None:
    bench.write("requirements.txt", "gamma\n")
    error = bench.with_uv(UV_CACHE_DIR=str(full_disk / "uv")).fails()
    assert error.error_code == "disk_full"
    assert bench.builds == []


def test_a_build_killed_half_way_does_not_harm_the_next(bench: Bench, tmp_path: Path) -> None:
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
        assert isinstance(building.exception(_DEADLINE_S), process.ProcessCancelled)
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


def test_an_environment_in_use_is_not_evicted(bench: Bench) -> None:
    bench.write("requirements.txt", "")
    used, idle = bench.prepare("alpha"), bench.prepare("gamma")
    bench.environments.release(idle)
    evict = lambda: bench.environments.evict(max_bytes=0, max_age_s=0)  # noqa: E731  (said twice)
    assert evict() == (idle.key,)
    assert used.python.exists()
    bench.environments.release(used)
    assert evict() == (used.key,)
    assert bench.builds == []
    assert not bench.prepare("alpha").reused


def test_the_longest_unused_environment_is_evicted_first(bench: Bench) -> None:
    bench.write("requirements.txt", "")
    old, new = bench.prepare("alpha"), bench.prepare("beta")
    for environment in (old, new, bench.prepare("alpha")):
        bench.environments.release(environment)
    enough = 10**9
    assert bench.environments.evict(max_bytes=enough, max_age_s=3600) == ()
    assert bench.environments.evict(max_bytes=_own_bytes(bench, old), max_age_s=3600) == (new.key,)


def test_progress_names_the_stages_and_never_exceeds_the_whole(bench: Bench) -> None:
    bench.write("requirements.txt", "gamma\n")
    bench.prepare()
    stages = list(dict.fromkeys(stage for stage, _, _ in bench.progress))
    assert (stages[0], *stages[-2:]) == ("resolving", "compiling", "ready")
    assert all(fraction is None or 0 <= fraction <= 1 for _, fraction, _ in bench.progress)


def test_a_data_folder_with_odd_characters_works(bench: Bench, tmp_path: Path) -> None:
    odd = dataclasses.replace(bench.settings, home=tmp_path / "a 'folder' with ünusual; names")
    make_package(bench.checkout)
    environment = Bench(odd, bench.checkout).prepare("beta")
    assert evaluate(environment, "import package, beta; print(beta.VERSION)") == "1.0"


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB; only root can make one."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(folder)]
    if process.run(mount, env=dict(os.environ), timeout_s=_DEADLINE_S).exit_code:
        pytest.skip("file systems can be mounted only by root")
    yield folder
    process.run(["umount", str(folder)], env=dict(os.environ), timeout_s=_DEADLINE_S)


def compiled(environment: Environment, package: str) -> list[Path]:
    return sorted(environment.path.glob(f"lib/python*/site-packages/{package}/__pycache__/*.pyc"))


def _own_bytes(bench: Bench, environment: Environment) -> int:
    import json

    complete = HomePaths(bench.settings.home).environments / environment.key / "complete.json"
    return int(json.loads(complete.read_text())["own_bytes"])


def _uv(bench: Bench, *args: str) -> None:
    from repo_runner.environment.installer import BuildWatch, Installer

    watch = BuildWatch(bench.log.append, lambda *said: None)
    Installer(bench.settings).run(args, watch, cwd=bench.checkout)


@contextlib.contextmanager
def _builder_in_another_process(bench: Bench) -> Iterator[int]:
    code = (
        "import sys; from pathlib import Path; from repo_runner.environment import Environments\n"
        "from repo_runner.settings import Settings\n"
        "Environments(Settings.from_env()).prepare(Path(sys.argv[1]), 'train.py', [], "
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
