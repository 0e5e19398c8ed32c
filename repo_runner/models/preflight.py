"""What is known about a submission before it starts."""

from __future__ import annotations

from typing import Any, Literal

from repo_runner.models.record import Record
from repo_runner.models.submission import RunSpec

#: What a script trains with.
ScriptKind = Literal["lightning_cli", "lightning", "fabric", "plain", "unknown"]


class Finding(Record):
    """One row of a preflight."""

    level: Literal["ok", "warn", "error"]
    code: str
    message: str
    hint: str = ""
    field: str | None = None


class ScriptArgument(Record):
    """One argument of a script as its source states it; what the source computes stays unknown."""

    #: As the script's own code calls it: `max_epochs`, or `model.lr` for LightningCLI.
    name: str
    #: As typed, such as `--lr`; empty: the argument goes by its position.
    flags: tuple[str, ...] = ()
    #: `str`, `int`, `float`, `bool`, `path`, or the name of the script's own type.
    type: str = "str"
    default: Any = None
    choices: tuple[Any, ...] | None = None
    required: bool = False
    #: Whether it stands alone, without a value.
    is_flag: bool = False
    #: What turns a flag off again, such as `--no-compile`.
    off_flag: str = ""
    #: How many values it takes, as argparse writes it: a number, `?`, `*` or `+`; None: one.
    nargs: int | str | None = None
    help: str = ""
    #: The subcommands that take it, after their name; none: the script itself does, before it.
    subcommands: tuple[str, ...] = ()
    #: Which of the above the script computes, so that they are not known here.
    unknown: tuple[str, ...] = ()


class NamedRef(Record):
    """A branch or tag that can be chosen."""

    name: str
    kind: Literal["branch", "tag"]
    commit_sha: str
    is_default: bool = False


class SubmoduleInfo(Record):
    """A repository inside the repository."""

    path: str
    commit_sha: str
    #: Where it would be fetched from; empty when it cannot be.
    repo_url: str = ""
    #: Why it cannot be fetched.
    problem: str = ""


class Preflight(Record):
    """What is known about a submission before it starts."""

    ok: bool
    findings: tuple[Finding, ...]
    spec: RunSpec | None = None
    #: Python files that could be the script, best guess first.
    scripts: tuple[str, ...] = ()
    #: Dependency files found, in the order in which they are honoured.
    dependency_files: tuple[str, ...] = ()
    #: What those that are honoured ask for: a file and a line of it each; no file: the operator's defaults.
    declared: tuple[tuple[str, str], ...] = ()
    #: What the script trains with, read from its source; never by running it.
    script_kind: ScriptKind = "unknown"
    #: The script's arguments, in the order of its source.
    arguments: tuple[ScriptArgument, ...] = ()
    #: The words of which the script wants one, such as `fit`; an argument says to which of them it belongs.
    subcommands: tuple[str, ...] = ()
    #: Branches (the default one first) and tags, at most a few hundred.
    refs: tuple[NamedRef, ...] = ()
    #: Python version or range the repository asks for; empty: any.
    python: str = ""
    submodules: tuple[SubmoduleInfo, ...] = ()
