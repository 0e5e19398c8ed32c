"""What a made-up repository answers to a submission before it starts."""

from __future__ import annotations

import shlex

from repo_runner.errors import InvalidLink
from repo_runner.models import Finding, NamedRef, Preflight, ScriptArgument, Submission
from tests.unit.ui import fake_runs as fake

SCRIPTS = ("train.py", "examples/train.py", "examples/finetune.py", "main.py", "tools/export.py")
DEPENDENCY_FILES = ("uv.lock", "requirements.txt")
DECLARED = (("uv.lock", "lightning==2.5.5"), ("uv.lock", "torch==2.9.0"))
REFS = (
    NamedRef(name="main", kind="branch", commit_sha=fake.SHA, is_default=True),
    *(
        NamedRef(name=name, kind="branch", commit_sha=fake.SHA)
        for name in ("develop", "feature/mixed-precision")
    ),
    *(NamedRef(name=f"v1.{n}", kind="tag", commit_sha=fake.SHA) for n in range(9, 0, -1)),
)
FINDINGS = (
    Finding(level="ok", code="commit", message="main is commit 3f9c2d7, 2 days old."),
    Finding(
        level="ok",
        code="lightning",
        message="The script uses PyTorch Lightning: curves and checkpoints will be followed.",
    ),
    Finding(
        level="warn",
        code="no_gpu",
        message="A GPU is asked for and this machine has none: the default of accelerator is gpu.",
        hint="The run will probably fail. Ask for the CPU if the script lets you.",
    ),
)
SUBCOMMANDS: tuple[str, ...] = ()
ARGUMENTS = (
    ScriptArgument(
        name="max_epochs",
        flags=("--max_epochs",),
        type="int",
        default=5,
        help="Passes over the data",
    ),
    ScriptArgument(
        name="optimizer", flags=("-o", "--optimizer"), choices=("sgd", "adam"), default="adam"
    ),
    ScriptArgument(name="data", type="path", required=True, help="Folder of the *images*"),
    ScriptArgument(name="lr", flags=("--lr",), type="float", default=1e-3, help="Learning rate"),
    ScriptArgument(name="accelerator", flags=("--accelerator",), default="gpu"),
    ScriptArgument(
        name="compile", flags=("--compile",), off_flag="--no-compile", default=False, is_flag=True
    ),
    ScriptArgument(name="layers", flags=("--layers",), type="int", nargs="+", default=[64, 32]),
    ScriptArgument(
        name="tag", flags=("--tag",), help="<b>Not bold</b> ![x](http://evil.example/x)"
    ),
)


def check(submission: Submission) -> None:
    """Refuse what cannot be run."""
    if "github.com/" not in submission.link:
        raise InvalidLink(
            f"{submission.link!r} is not a link to a GitHub repository.", field="link"
        )


def fake_preflight(submission: Submission) -> Preflight:
    """Return the findings; an error stands where it was made, with what there is instead."""
    error = _error(submission)
    if error:
        return Preflight(
            ok=False,
            findings=(error,),
            scripts=SCRIPTS,
            dependency_files=DEPENDENCY_FILES,
            refs=REFS,
        )
    words = tuple(shlex.split(str(submission.script_args)))
    unknown = [
        Finding(
            level="warn",
            code="argument_unknown",
            message=f"The script has no {word}.",
            hint="Did you mean --max_epochs?",
            field="script_args",
        )
        for word in words
        if word == "--max_epoch"
    ]
    return Preflight(
        ok=True,
        findings=(*FINDINGS, *unknown),
        spec=fake.spec(script_path=submission.script_path, script_args=words),
        scripts=SCRIPTS,
        dependency_files=DEPENDENCY_FILES,
        declared=DECLARED,
        arguments=ARGUMENTS,
        subcommands=SUBCOMMANDS,
        refs=REFS,
        python=">=3.10",
    )


def _error(submission: Submission) -> Finding | None:
    if submission.ref == "nope":
        text, code, field = (
            "acme/digits has no branch, tag or commit named nope.",
            "ref_not_found",
            "ref",
        )
    elif not submission.script_path:
        text, code, field = "Name the script to run.", "script_missing", "script_path"
    elif submission.script_path not in SCRIPTS:
        text = f"There is no {submission.script_path} at commit 3f9c2d7."
        code, field = "script_not_found", "script_path"
    else:
        return None
    return Finding(level="error", code=code, message=text, field=field)
