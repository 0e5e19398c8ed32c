"""A data folder, a checkout and handmade wheels, for the tests of environments; real uv, no network."""

from __future__ import annotations

import dataclasses
import threading
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from repo_runner import process
from repo_runner.environment import Environment, EnvironmentRequest, Environments
from repo_runner.environment.installer import BuildWatch, Installer
from repo_runner.errors import RunnerError
from repo_runner.paths import HomePaths
from repo_runner.settings import Settings

DEADLINE_S = 30


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
        python: str = "",
        dependency_file: str = "",
        cancel: threading.Event | None = None,
    ) -> Environment:
        return self.environments.prepare(
            EnvironmentRequest(self.checkout, "train.py", requirements, python, dependency_file),
            log=self.log.append,
            on_progress=lambda *said: self.progress.append(said),
            cancel=cancel,
        )

    def fails(self, *requirements: str, python: str = "") -> RunnerError:
        with pytest.raises(RunnerError) as caught:
            self.prepare(*requirements, python=python)
        return caught.value

    def uv(self, *args: str) -> str:
        watch = BuildWatch(self.log.append, lambda *said: None)
        return Installer(self.settings).run(args, watch, cwd=self.checkout)

    def with_settings(self, **values: object) -> Bench:
        return Bench(dataclasses.replace(self.settings, **values), self.checkout)

    def with_uv(self, **variables: str) -> Bench:
        merged = {**self.settings.installer_env, **variables}
        return self.with_settings(installer_env={n: value for n, value in merged.items() if value})

    @property
    def builds(self) -> list[Path]:
        """The folders of all builds, finished or not."""
        return [p for p in HomePaths(self.settings.home).environments.glob("*/*") if p.is_dir()]


def evaluate(environment: Environment, code: str, **env: str) -> str:
    """What a run's script would see: the environment's interpreter, outside the checkout."""
    done = process.run([str(environment.python), "-c", code], env=env, timeout_s=DEADLINE_S)
    assert done.exit_code == 0, done.output
    return done.output.strip()
