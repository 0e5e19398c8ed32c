from __future__ import annotations

import json
from pathlib import Path

from repo_runner.environment.declared import plan_dependencies
from repo_runner.environment.declared_lines import declared_lines
from repo_runner.run_environment import compare, lock_text, read_environment

LOCK = """
version = 1
[[package]]
name = "six"
version = "1.17.0"
source = { registry = "https://example.org/simple" }
[[package]]
name = "mine"
version = "0.1"
source = { editable = "." }
"""


def declared(tmp_path: Path, files: dict[str, str], *extra: str) -> tuple[tuple[str, str], ...]:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    return declared_lines(tmp_path, plan_dependencies(tmp_path, "train.py", extra, ("torch",)))


def test_every_line_is_kept_with_its_file(tmp_path: Path) -> None:
    files = {"requirements.txt": "-r more.txt\nTorch>=2 # CPU\n\n-e .\n", "more.txt": "six\n"}
    assert declared(tmp_path, files, "toolz") == (
        ("requirements.txt", "Torch>=2"),
        ("more.txt", "six"),
        ("", "toolz"),
    )


def test_a_lock_speaks_for_the_project_beside_it(tmp_path: Path) -> None:
    project = '[project]\nname = "mine"\nversion = "0.1"\ndependencies = ["six>1"]\n'
    files = {"uv.lock": LOCK, "pyproject.toml": project}
    assert declared(tmp_path, files) == (("uv.lock", "six==1.17.0"),)
    (tmp_path / "uv.lock").unlink()
    assert declared(tmp_path, {})[0] == ("pyproject.toml", "six>1")


def test_differences_come_first() -> None:
    asked = [("r.txt", "six<1.0"), ("r.txt", "Pandas>=2"), ("r.txt", "pywin32; os_name == 'nt'")]
    freeze = ["numpy==2.0", "pandas==2.2.1+cpu", "six==1.17", "-e file:///x", "mine @ file:///x"]
    rows = compare([*asked, ("", "./local")], freeze)
    assert [(row.name, row.kind) for row in rows] == [
        ("six", "differs"),
        ("pywin32", "not_installed"),
        ("pandas", "declared"),
        ("mine", "pulled_in"),
        ("numpy", "pulled_in"),
    ]


def test_a_run_without_environment_has_an_empty_one(tmp_path: Path) -> None:
    assert not read_environment(tmp_path / "environment.json").key


def test_the_lock_names_where_it_is_from(tmp_path: Path) -> None:
    record = {
        "key": "k1", "python": "3.11.9", "freeze": ["six==1.17"], "notes": [], "reused": True,
        "dependency_files": ["requirements.txt"], "seconds": 2.5,
    }  # fmt: skip
    path = tmp_path / "environment.json"
    path.write_text(json.dumps(record))
    text = lock_text(read_environment(path), "https://github.com/a/b", "c0ffee")
    assert text.splitlines() == [
        "# https://github.com/a/b at c0ffee",
        "# Python 3.11.9, environment k1",
        "six==1.17",
    ]
