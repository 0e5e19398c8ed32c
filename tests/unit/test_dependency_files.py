"""Which dependency files count, and what they say; nothing is installed here."""

from __future__ import annotations

from pathlib import Path

import pytest

from repo_runner.dependency_files import check_dependency_file, find_dependency_files
from repo_runner.environment.declared import plan_dependencies
from repo_runner.environment.plan import DependencyPlan
from repo_runner.errors import InvalidInput, InvalidRequirement

SCRIPT = "train.py"
DEFAULTS = ("lightning", "torch")


def write(folder: Path, **files: str) -> Path:
    """Files by name, with `__` for a slash and `_` for a dot before a known ending."""
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def plan(
    checkout: Path, *requirements: str, script: str = SCRIPT, chosen: str = ""
) -> DependencyPlan:
    return plan_dependencies(checkout, script, requirements, DEFAULTS, dependency_file=chosen)


def test_files_are_honoured_lock_first_and_environment_yml_last() -> None:
    paths = ["environment.yml", "requirements.txt", "pyproject.toml", "uv.lock", "train.py"]
    expected = ("uv.lock", "pyproject.toml", "requirements.txt", "environment.yml")
    assert find_dependency_files(paths, SCRIPT) == expected


def test_the_scripts_own_folder_comes_before_the_top() -> None:
    paths = ["uv.lock", "pyproject.toml", "a/b/requirements.txt", "a/c/requirements.txt"]
    found = find_dependency_files(paths, "a/b/train.py")
    assert found == ("a/b/requirements.txt", "uv.lock", "pyproject.toml")


def test_a_lock_without_its_project_does_not_count() -> None:
    assert find_dependency_files(["uv.lock"], SCRIPT) == ()


def test_a_plain_requirements_txt_stands_for_its_siblings() -> None:
    paths = ["requirements.txt", "requirements-gpu.txt", "requirements-dev.txt"]
    assert find_dependency_files(paths, SCRIPT) == ("requirements.txt",)
    assert find_dependency_files(paths[1:], SCRIPT) == ("requirements-gpu.txt",)


def test_without_file_and_without_lightning_the_defaults_apply(tmp_path: Path) -> None:
    assert plan(tmp_path).lines == DEFAULTS
    assert plan(tmp_path, "six").lines == (*DEFAULTS, "six")


def test_lightning_among_the_requirements_replaces_the_defaults(tmp_path: Path) -> None:
    assert plan(tmp_path, "pytorch-lightning==2.6.6").lines == ("pytorch-lightning==2.6.6",)


def test_an_empty_requirements_txt_asks_for_nothing_at_all(tmp_path: Path) -> None:
    found = plan(write(tmp_path, requirements_dot_txt=""))
    assert found.lines == ()
    assert found.requirement_files == ("requirements.txt",)


def test_a_pyproject_that_only_configures_tools_is_no_dependency_file(tmp_path: Path) -> None:
    write(tmp_path, pyproject_dot_toml="[tool.ruff]\nline-length = 100\n")
    assert plan(tmp_path).lines == DEFAULTS
    write(tmp_path, requirements_dot_txt="six\n")
    assert plan(tmp_path).requirement_files == ("requirements.txt",)


def test_a_project_that_is_no_package_gives_its_dependencies_only(tmp_path: Path) -> None:
    write(tmp_path, pyproject_dot_toml='[project]\nname = "p"\ndependencies = ["six"]\n')
    found = plan(tmp_path)
    assert found.requirement_files == ("pyproject.toml",)
    assert not found.packages
    assert not found.needs_tree


def test_a_package_is_installed_beside_requirements_nearer_to_the_script(tmp_path: Path) -> None:
    package = '[build-system]\nrequires = ["setuptools"]\n[project]\nname = "p"\nversion = "1"\n'
    write(tmp_path, pyproject_dot_toml=package, examples__requirements_dot_txt="six\n")
    found = plan(tmp_path, script="examples/train.py")
    assert found.requirement_files == ("examples/requirements.txt",)
    assert found.packages == ("",)
    assert found.needs_tree


def test_a_setup_py_makes_its_folder_a_package(tmp_path: Path) -> None:
    found = plan(write(tmp_path, setup_dot_py="from setuptools import setup; setup()"))
    assert found.packages == ("",)
    assert found.lines == ()


def test_included_requirements_and_constraints_are_part_of_the_plan(tmp_path: Path) -> None:
    write(
        tmp_path,
        requirements_dot_txt="-r more/base.txt\n-c constraints.txt\nsix\n",
        more__base_dot_txt="toolz\n-r ../last.txt\n",
        last_dot_txt="iniconfig\n",
        constraints_dot_txt="six<2\n",
    )
    files = ("requirements.txt", "more/base.txt", "last.txt", "constraints.txt")
    assert plan(tmp_path).files == files


@pytest.mark.parametrize(
    "line",
    ["-r ../outside.txt", "-r /etc/hostname", "-r https://files.example/r.txt", "-c gone.txt"],
)
def test_a_file_included_from_outside_is_refused(tmp_path: Path, line: str) -> None:
    write(tmp_path, outside_dot_txt="six\n", repo__requirements_dot_txt=f"six\n{line}\n")
    with pytest.raises(InvalidRequirement, match=r"requirements.txt, line 2"):
        plan(tmp_path / "repo")


def test_a_requirements_file_that_links_out_of_the_repository_is_refused(tmp_path: Path) -> None:
    write(tmp_path, secret_dot_txt="six\n")
    (tmp_path / "repo").mkdir()
    (tmp_path / "repo" / "requirements.txt").symlink_to("../secret.txt")
    with pytest.raises(InvalidRequirement, match="outside the repository"):
        plan(tmp_path / "repo")


@pytest.mark.parametrize("line", ["-e .", "./package", "--find-links wheels", "p @ file:./p"])
def test_requirements_that_name_the_repository_need_a_copy_of_it(tmp_path: Path, line: str) -> None:
    assert plan(write(tmp_path, requirements_dot_txt=f"{line}\n")).needs_tree


@pytest.mark.parametrize("line", ["six", "p @ git+https://github.com/o/p", "-e git+https://h/o/p"])
def test_requirements_from_elsewhere_need_no_copy(tmp_path: Path, line: str) -> None:
    assert not plan(write(tmp_path, requirements_dot_txt=f"{line}\n")).needs_tree


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("requirements_dot_txt", "six\nlightning==2.6.3\n"),
        ("pyproject_dot_toml", '[project]\nname = "p"\ndependencies = ["lightning==2.6.2"]\n'),
        ("environment_dot_yml", "dependencies:\n- pip:\n  - lightning==2.6.3\n"),
        ("environment_dot_yml", "dependencies:\n- lightning=2.6.3\n"),
    ],
)
def test_a_malicious_release_is_refused_in_every_file(tmp_path: Path, name: str, text: str) -> None:
    with pytest.raises(InvalidRequirement, match="known to be malicious"):
        plan(write(tmp_path, **{name: text}))


def test_a_malicious_release_in_a_lock_is_refused(tmp_path: Path) -> None:
    write(tmp_path, pyproject_dot_toml='[project]\nname = "p"\n')
    write(tmp_path, uv_dot_lock='[[package]]\nname = "lightning"\nversion = "2.6.2"\n')
    with pytest.raises(InvalidRequirement, match=r"locks lightning 2\.6\.2"):
        plan(tmp_path)


def test_environment_yml_gives_pip_part_python_and_known_twins(tmp_path: Path) -> None:
    text = """
    dependencies:
      - python=3.11.4
      - conda-forge::numpy=1.26.4=py311h64a7726_0
      - pytorch>=2
      - cudatoolkit=11.8
      - ffmpeg
      - pip
      - pip:
        - six==1.17.0
        - -r more.txt
    """
    found = plan(write(tmp_path, environment_dot_yml=text, more_dot_txt="toolz\n"))
    assert found.lines == ("numpy==1.26.4.*", "torch>=2", "six==1.17.0")
    assert found.python == "3.11"
    assert found.files == ("environment.yml", "more.txt")
    assert found.notes[0].endswith("left out: cudatoolkit, ffmpeg.")


@pytest.mark.parametrize(
    ("name", "text"),
    [("pyproject_dot_toml", "[project"), ("environment_dot_yml", "dependencies: [")],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str, text: str) -> None:
    with pytest.raises(InvalidRequirement, match=name.replace("_dot_", ".")):
        plan(write(tmp_path, **{name: text}))


def test_python_comes_from_its_version_file_before_requires_python(tmp_path: Path) -> None:
    write(tmp_path, pyproject_dot_toml='[project]\nname = "p"\nrequires-python = ">=3.9"\n')
    assert plan(tmp_path).python == ">=3.9"
    (tmp_path / ".python-version").write_text("cpython-3.11.4\n")
    assert plan(tmp_path).python == "3.11"


@pytest.mark.parametrize("choice", ["requirements-dev.txt", "./more/gpu.txt", " envs/a.yaml ", ""])
def test_any_file_of_a_known_kind_may_be_chosen(choice: str) -> None:
    paths = ["train.py", "requirements-dev.txt", "more/gpu.txt", "envs/a.yaml"]
    assert check_dependency_file(choice, paths, SCRIPT) == choice.strip().removeprefix("./")


@pytest.mark.parametrize(
    "choice", ["requirement.txt", "train.py", "uv.lock", "../requirements.txt", "/etc/passwd"]
)
def test_a_choice_that_cannot_be_honoured_is_refused_with_a_better_one(choice: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        check_dependency_file(choice, ["train.py", "uv.lock", "requirements.txt"], SCRIPT)
    assert caught.value.field == "dependency_file"
    assert "requirements.txt" in caught.value.hint_text


def test_the_chosen_file_alone_decides_whatever_is_wrong_with_the_others(tmp_path: Path) -> None:
    write(tmp_path, requirements_dot_txt="-r gone.txt\n", gpu_dot_txt="six\n", cpu_dot_txt="no\n")
    found = plan(tmp_path, "toolz", chosen="gpu.txt")
    assert (found.requirement_files, found.lines) == (("gpu.txt",), ("toolz",))


def test_a_repository_that_is_a_package_is_installed_beside_the_chosen_file(tmp_path: Path) -> None:
    package = '[build-system]\nrequires = []\n[project]\nname = "p"\nversion = "1"\n'
    write(tmp_path, pyproject_dot_toml=package, gpu_dot_txt="six\n", requirements_dot_txt="no\n")
    found = plan(tmp_path, chosen="gpu.txt")
    assert (found.requirement_files, found.packages) == (("gpu.txt",), ("",))


def test_a_chosen_pyproject_is_resolved_anew_though_there_is_a_lock(tmp_path: Path) -> None:
    project = '[project]\nname = "p"\ndependencies = ["six"]\n'
    write(tmp_path, pyproject_dot_toml=project, uv_dot_lock="version = 1\n")
    assert plan(tmp_path).lock == ""
    assert plan(tmp_path, chosen="pyproject.toml").requirement_files == ("pyproject.toml",)


@pytest.mark.parametrize("choice", ["tools.toml", "pyproject.toml", "../outside.txt", "gone.txt"])
def test_a_chosen_file_that_declares_nothing_is_refused(tmp_path: Path, choice: str) -> None:
    write(tmp_path, outside_dot_txt="six\n", repo__pyproject_dot_toml="[tool.ruff]\n")
    with pytest.raises(InvalidRequirement):
        plan(tmp_path / "repo", chosen=choice)
