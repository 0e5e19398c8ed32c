"""Sandbox levels: what is asked for is what a run gets, or it is refused with what to do."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from repo_runner import health, preflight, sandbox
from repo_runner.backends.base import Attempt
from repo_runner.errors import InvalidInput, SandboxUnavailable
from repo_runner.events import EventWriter
from repo_runner.manager import Manager
from repo_runner.models import RunSpec, Submission
from repo_runner.output import OutputWriter
from repo_runner.paths import HomePaths
from repo_runner.pipeline import Pipeline
from repo_runner.sandbox import bubblewrap, landlock
from repo_runner.settings import Settings
from repo_runner.source import Source


@pytest.fixture
def bare_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that has no sandbox at all."""
    monkeypatch.setattr(landlock, "abi", lambda: 0)
    monkeypatch.setattr(bubblewrap, "program", lambda: None)


@pytest.mark.parametrize(
    ("default", "minimum", "asked", "level"),
    [
        ("none", "none", "", "none"),
        ("landlock", "none", "", "landlock"),
        ("none", "landlock", "", "landlock"),
        ("bubblewrap", "landlock", "", "bubblewrap"),
        ("bubblewrap", "none", "none", "none"),
        ("none", "none", "bubblewrap", "bubblewrap"),
    ],
)
def test_what_is_left_open_is_the_operator_s_to_say(
    tmp_path: Path, default: str, minimum: str, asked: str, level: str
) -> None:
    settings = Settings(home=tmp_path, sandbox=default, sandbox_minimum=minimum)
    assert sandbox.choose(asked, settings) == level


def test_less_than_the_operator_requires_is_refused(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, sandbox_minimum="landlock")
    with pytest.raises(SandboxUnavailable, match="weaker than the 'landlock'"):
        sandbox.require("none", settings)


def test_a_level_that_does_not_exist_stops_the_app_at_its_start(tmp_path: Path) -> None:
    env = {"REPO_RUNNER_HOME": str(tmp_path), "REPO_RUNNER_SANDBOX_MINIMUM": "docker"}
    with pytest.raises(InvalidInput, match=r"level \(none, landlock, bubblewrap\)") as caught:
        Settings.from_env(env)
    assert caught.value.field == "REPO_RUNNER_SANDBOX_MINIMUM"


@pytest.mark.parametrize(
    ("level", "what_to_do"), [("landlock", "Linux 6.2"), ("bubblewrap", "apt install bubblewrap")]
)
def test_a_level_this_machine_lacks_is_refused_at_its_field_with_what_to_install(
    bare_machine: None, tmp_path: Path, level: str, what_to_do: str
) -> None:
    settings = Settings(home=tmp_path)
    given = Submission(link="owner/name", script_path="train.py", sandbox=level)
    (error,) = preflight.inspect(given, settings, Source(settings)).errors
    assert (error.error_code, error.field) == ("sandbox_unavailable", "sandbox")
    assert what_to_do in error.hint_text


@pytest.mark.parametrize("level", ["landlock", "bubblewrap"])
def test_a_level_that_is_gone_when_the_run_starts_ends_it_before_anything_is_fetched(
    bare_machine: None, tmp_path: Path, level: str
) -> None:
    settings = Settings(home=tmp_path)
    run = HomePaths(tmp_path).run("a-run")
    run.root.mkdir(parents=True)
    spec = RunSpec(
        repo_url="https://github.com/a/b",
        commit_sha="0" * 40,
        script_path="train.py",
        sandbox=level,
    )
    writer, output = EventWriter(run.events), OutputWriter(run.output, 1000)
    watch = type("Watch", (), {"requested": threading.Event()})()
    record = Pipeline(settings, run, spec, Attempt(1, with_probe=True), writer, output, watch).run()
    writer.close()
    output.close()
    assert record.failure and record.failure.error_code == "sandbox_unavailable"
    assert run.events.read_text() == ""


def test_bubblewrap_that_is_installed_but_not_allowed_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusing = tmp_path / "bwrap"
    refusing.write_text("#!/bin/sh\necho 'bwrap: setting up uid map: Permission denied'\nexit 1\n")
    refusing.chmod(0o700)
    monkeypatch.setattr(bubblewrap, "program", lambda: str(refusing))
    reason = sandbox.problem("bubblewrap")
    assert reason and "uid map: Permission denied" in reason[0] and "AppArmor" in reason[1]


def test_health_says_which_levels_there_are(bare_machine: None, tmp_path: Path) -> None:
    manager = Manager(Settings(home=tmp_path, sandbox="none"))
    manager.recover()
    state = health.check(manager)
    manager.close()
    assert state.sandbox == "none"
    problems = {each.level: each.problem for each in state.sandboxes}
    assert problems["none"] == ""
    assert "switched off" in problems["landlock"]
    assert "not installed" in problems["bubblewrap"]


def test_a_kernel_that_cannot_keep_files_from_being_emptied_is_too_old(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(landlock, "abi", lambda: 2)
    reason = sandbox.problem("landlock")
    assert reason and "version 2" in reason[0]
