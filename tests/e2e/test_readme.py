"""The README's commands, executed as they are written there."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from examples.app_process import free_port

#: Printed by the framework before it reads app.py.
FRAMEWORK_GREETING = "Your Lightning App is starting. This won't take long.\n"

ROOT = Path(__file__).resolve().parents[2]


def readme_commands() -> list[str]:
    """The commands of the README's first code block."""
    block = re.search(r"```sh\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert block
    return [line.split("#")[0].strip() for line in block.group(1).splitlines() if line.strip()]


@pytest.fixture
def person(tmp_path: Path, shared_caches: Path) -> Iterator[dict[str, str]]:
    """A person's environment, with a data folder and ports of their own; the app is stopped at the end."""
    ports = {"REPO_RUNNER_PORT": str(free_port()), "REPO_RUNNER_DEMO_GIT_PORT": str(free_port())}
    home = {"REPO_RUNNER_HOME": str(tmp_path / "home")}
    caches = {"UV_CACHE_DIR": str(shared_caches / "uv")}
    kept = {
        n: v for n, v in os.environ.items() if not n.startswith(("PYTEST", "VIRTUAL_ENV", "MAKE"))
    }
    variables = {**kept, **ports, **home, **caches}
    yield variables
    subprocess.run(["make", "stop"], cwd=ROOT, env=variables, check=True, timeout=60)


def demo(person: dict[str, str]) -> tuple[dict[str, str], str]:
    """`make demo` as written: its `key: value` lines and its progress."""
    done = subprocess.run(
        readme_commands()[0],
        shell=True,
        cwd=ROOT,
        env=person,
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    facts = dict(line.split(": ", 1) for line in done.stdout.splitlines() if ": " in line)
    return facts, done.stderr


def test_the_readme_names_demo_and_app_first() -> None:
    assert readme_commands()[:2] == ["make demo", "make app"]


@pytest.mark.timeout(1080)
def test_make_demo_trains_the_example_and_the_second_time_reuses_everything(
    person: dict[str, str],
) -> None:
    facts, progress = demo(person)
    assert list(facts) == [
        "status",
        "commit_sha",
        "best_model_score",
        "best_model_path",
        "sha256",
        "address",
    ]
    assert facts["status"] == "succeeded"
    score, metric, mode = re.fullmatch(
        r"([\d.]+) \((\w+), (\w+)\)", facts["best_model_score"]
    ).groups()
    assert (float(score) >= 0.95, metric, mode) == (True, "val_acc", "max")
    assert (
        hashlib.sha256(Path(facts["best_model_path"]).read_bytes()).hexdigest() == facts["sha256"]
    )
    assert "building" in progress
    assert re.search(r"epoch \d+ of 15 · \d+ % · .* left", progress)
    again, _ = demo(person)
    assert (again["commit_sha"], again["address"]) == (facts["commit_sha"], facts["address"])
    assert [is_reused(facts), is_reused(again)] == [False, True]


def is_reused(facts: dict[str, str]) -> bool:
    """Whether the environment was there already."""
    folder = Path(facts["best_model_path"]).parents[1]
    return json.loads((folder / "environment.json").read_text())["reused"]


def test_make_app_prints_one_line_with_the_address_and_ends_on_ctrl_c(
    person: dict[str, str],
) -> None:
    app = subprocess.Popen(
        readme_commands()[1].split(),
        cwd=ROOT,
        env=person,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        assert app.stdout
        said = [app.stdout.readline()]
        while "http" not in said[-1]:
            said.append(app.stdout.readline())
        assert f"http://127.0.0.1:{person['REPO_RUNNER_PORT']}" in said[-1]
        os.killpg(app.pid, signal.SIGINT)
        rest = app.communicate(timeout=30)[0]
    finally:
        app.kill()
        app.wait()
    assert [line for line in rest.splitlines() if not line.startswith("make")] == []
    assert said[:-1] in ([], [FRAMEWORK_GREETING]), (
        "nothing but the address and the framework's greeting"
    )
