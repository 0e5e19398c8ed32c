"""What the supervisor asks of the probe, through the environment."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Mapping, Optional


@dataclass(frozen=True)
class Settings:
    """Read once per process; without a directory there is no probe."""

    #: Where the event files are written. It must exist: the probe creates no folder.
    directory: str
    #: Existence of this file means: save a checkpoint and stop.
    stop_path: str
    #: Where that checkpoint goes.
    stop_ckpt_path: str
    #: Checkpoint to continue from, if the script names none.
    ckpt_path: Optional[str]
    #: Which fit of the process continues from it, counted from 1.
    ckpt_fit: int
    #: Whether somebody carries `stop.at` from rank zero to the other machines of a training.
    is_carried: bool

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Settings | None:
        if not env.get("REPO_RUNNER_PROBE_DIR"):
            return None
        directory = os.path.abspath(env["REPO_RUNNER_PROBE_DIR"])
        return cls(
            directory=directory,
            stop_path=env.get("REPO_RUNNER_PROBE_STOP") or os.path.join(directory, "stop"),
            stop_ckpt_path=os.path.join(directory, "stop.ckpt"),
            ckpt_path=env.get("REPO_RUNNER_PROBE_CKPT") or None,
            ckpt_fit=_positive(env.get("REPO_RUNNER_PROBE_CKPT_FIT")),
            is_carried=env.get("REPO_RUNNER_PROBE_CARRIED") == "1",
        )


def _positive(text: str | None) -> int:
    return int(text) if text and text.isdigit() and int(text) > 0 else 1
