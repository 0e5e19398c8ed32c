"""How a script ended."""

from __future__ import annotations

from dataclasses import dataclass

from repo_runner.models import Failure


@dataclass(frozen=True)
class ScriptExit:
    """How the script ended, and whether we had begun to end it."""

    exit_code: int | None
    signal: int | None
    #: On a person's request.
    stopped: bool = False
    #: For the limit it reached.
    limit: Failure | None = None
    #: Processes the kernel killed for lack of memory meanwhile: of the script, and anywhere we are told of.
    memory_kills: int = 0
    own_memory_kills: int = 0
