"""How the script is started: its words and its environment."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from repo_runner.environment import Environment
from repo_runner.models import RunSpec
from repo_runner.resume import ResumePoint
from repo_runner.sandbox import Sandbox
from repo_runner.sandbox.walls import PROBE
from repo_runner.settings import Settings


@dataclass(frozen=True)
class ScriptPlan:
    """All that is needed to start the script."""

    spec: RunSpec
    #: The run's own variables, secrets included.
    env: dict[str, str]
    checkout: Path
    environment: Environment
    probe_folder: Path
    #: What the probe gives to the script's fit; None: start from nothing.
    resume_from: ResumePoint | None = None
    with_probe: bool = True
    #: Unique ids of the GPUs the script may use; None: this machine has none, or nobody counts them.
    gpus: tuple[str, ...] | None = None
    sandbox: Sandbox = field(default_factory=Sandbox)

    def argv(self) -> list[str]:
        """`python script.py args…`, exactly as a person would type it at the top of the repository."""
        words = [str(self.environment.python), *self.spec.script_words, *self.spec.script_args]
        return self.sandbox.command(words, self.checkout)

    def script_env(self, settings: Settings) -> dict[str, str]:
        """The operator's allow-listed variables, the run's own, and the probe's."""
        binaries = str(self.environment.python.parent)
        variables = {
            **settings.script_env,
            "VIRTUAL_ENV": str(self.environment.path),
            "PATH": os.pathsep.join([binaries, settings.script_env.get("PATH", os.defpath)]),
            "PYTHONUNBUFFERED": "1",
            **self._threads(),
            **self.env,
            **self._gpu_env(),
            **self.sandbox.env,
        }
        return {**variables, **(self._probe_env() if self.with_probe else {})}

    def _threads(self) -> dict[str, str]:
        """As many as the run asked CPUs for, unless the person says otherwise."""
        cpus = self.spec.resources.cpus
        return {"OMP_NUM_THREADS": str(cpus)} if cpus else {}

    def _gpu_env(self) -> dict[str, str]:
        """Its own GPUs and no others, by ids that every process counts alike."""
        return {} if self.gpus is None else {"CUDA_VISIBLE_DEVICES": ",".join(self.gpus)}

    def _probe_env(self) -> dict[str, str]:
        """See docs/probe-events.md."""
        variables = {
            "PYTHONPATH": str(PROBE),
            "REPO_RUNNER_PROBE_DIR": str(self.probe_folder),
            "REPO_RUNNER_PROBE_STOP": str(self.probe_folder / "stop"),
        }
        if self.spec.resources.nodes > 1:
            variables["REPO_RUNNER_PROBE_CARRIED"] = "1"
        if self.resume_from:
            variables["REPO_RUNNER_PROBE_CKPT"] = str(self.resume_from.path)
            variables["REPO_RUNNER_PROBE_CKPT_FIT"] = str(self.resume_from.fit)
        return variables
