"""What a repository declares becomes its environment: each kind of file, real uv, handmade wheels."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path

from repo_runner.backends.base import Attempt
from repo_runner.events import EventWriter, read_batch
from repo_runner.models import RunSpec
from repo_runner.output import OutputWriter
from repo_runner.paths import RunPaths
from repo_runner.pipeline import Pipeline
from repo_runner.settings import Settings
from repo_runner.stop_watch import StopWatch
from tests.git_fixtures import MakeRepo
from tests.integration.environment_bench import Bench, evaluate
from tests.wheelhouse import make_package

pytest_plugins = ("tests.integration.environment_fixtures",)


def test_a_requirements_file_is_found_and_extra_requirements_are_layered_on_top(
    bench: Bench,
) -> None:
    bench.write("requirements.txt", "beta\n")
    environment = bench.prepare("gamma==1.0")
    assert environment.freeze == ("alpha==1.0", "beta==1.0", "gamma==1.0")
    assert evaluate(environment, "import beta, gamma; print(beta.VERSION)") == "1.0"
    assert not environment.reused


def test_nothing_asked_for_gives_an_empty_environment(bench: Bench) -> None:
    bench.write("requirements.txt", "")
    assert bench.prepare().freeze == ()


def test_without_a_file_the_operators_defaults_are_installed(bench: Bench) -> None:
    bench = Bench(
        dataclasses.replace(bench.settings, default_requirements=("beta",)), bench.checkout
    )
    assert bench.prepare("gamma").freeze == ("alpha==1.0", "beta==1.0", "gamma==1.0")
    assert bench.prepare("lightning").freeze == ("lightning==2.6.1",)


def test_a_lock_file_is_taken_as_it_is(bench: Bench, wheels: Path) -> None:
    project = '[project]\nname = "p"\nversion = "1"\nrequires-python = ">=3.9"\n'
    bench.write("pyproject.toml", project + 'dependencies = ["alpha<2"]\n')
    bench.uv("lock")
    bench.write("pyproject.toml", project + 'dependencies = ["alpha"]\n')
    before = snapshot(bench.checkout)
    assert bench.prepare("gamma").freeze == ("alpha==1.0", "gamma==1.0")
    assert snapshot(bench.checkout) == before


def test_a_locked_repository_that_is_a_package_is_installed_from_its_lock(bench: Bench) -> None:
    make_package(bench.checkout, needs="beta")
    bench.uv("lock")
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


def test_a_chosen_file_is_honoured_instead_of_the_best(bench: Bench) -> None:
    bench.write("requirements.txt", "alpha==1.0\n")
    bench.write("envs/gpu.txt", "alpha==2.0\n")
    best, chosen = bench.prepare(), bench.prepare(dependency_file="envs/gpu.txt")
    assert (best.freeze, chosen.freeze) == (("alpha==1.0",), ("alpha==2.0",))
    assert chosen.dependency_files == ("envs/gpu.txt",)


def test_a_run_keeps_what_its_environment_is(
    run_settings: Settings, make_repo: MakeRepo, tmp_path: Path
) -> None:
    text = "dependencies: [cudatoolkit]\n"
    files = {"train.py": "print('hello')\n", "requirements.txt": "nothing-like-this==1\n"}
    url, sha = make_repo({**files, "environment.yml": text})
    spec = RunSpec(
        repo_url=url, commit_sha=sha, script_path="train.py", dependency_file="environment.yml"
    )
    paths = RunPaths(tmp_path / "run")
    paths.root.mkdir()
    for attempt in (1, 2):
        run_pipeline(run_settings, paths, spec, Attempt(attempt))
    record = json.loads(paths.environment.read_text())
    assert record["dependency_files"] == ["environment.yml"]
    assert (record["freeze"], record["reused"]) == ([], True)
    events = read_batch(paths.events, 0).events
    assert [e["message"] for e in events if e["kind"] == "note"] == record["notes"]
    assert "cudatoolkit" in record["notes"][0]
    assert paths.build_log.read_text().count("cudatoolkit") == 2


def run_pipeline(settings: Settings, paths: RunPaths, spec: RunSpec, attempt: Attempt) -> None:
    writer, output = EventWriter(paths.events), OutputWriter(paths.output, settings.max_log_bytes)
    with StopWatch(paths.stop) as watch:
        record = Pipeline(settings, paths, spec, attempt, writer, output, watch).run()
    output.close()
    writer.close()
    assert record.failure is None, record.failure


def test_a_range_of_lightning_resolves_around_the_malicious_releases(bench: Bench) -> None:
    bench.write("requirements.txt", "lightning>=2.6\n")
    assert bench.prepare().freeze == ("lightning==2.6.1",)


def test_the_asked_python_is_used(bench: Bench) -> None:
    bench.write("requirements.txt", "")
    asked = f"{sys.version_info.major}.{sys.version_info.minor}"
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    assert evaluate(bench.prepare(python=asked), code) == asked


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


def snapshot(folder: Path) -> dict[str, tuple[int, bytes]]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path): (path.stat().st_mtime_ns, path.read_bytes()) for path in files}
