"""What a made-up repository answers to a submission before it starts."""

from __future__ import annotations

from repo_runner.errors import InvalidLink, RefNotFound, ScriptNotFound
from repo_runner.models import Finding, Preflight, ScriptArgument, Submission
from tests.unit.ui import fake_runs as fake

SCRIPTS = ("train.py", "examples/train.py", "tools/export.py")
DEPENDENCY_FILES = ("uv.lock", "requirements.txt")
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
        message="No GPU on this machine: training runs on the CPU.",
        hint="It works, and takes longer.",
    ),
)
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
    ScriptArgument(name="data", type="path", required=True),
)


def check(submission: Submission) -> None:
    """Refuse what cannot be run."""
    if "github.com/" not in submission.link:
        raise InvalidLink(
            f"{submission.link!r} is not a link to a GitHub repository.", field="link"
        )
    if submission.ref == "nope":
        raise RefNotFound("acme/digits has no branch, tag or commit named nope.", field="ref")
    if submission.script_path == "missing.py":
        raise ScriptNotFound("There is no file missing.py at commit 3f9c2d7.", field="script_path")


def fake_preflight(submission: Submission) -> Preflight:
    """Return the findings; without a script, that it is missing and which there are."""
    if not submission.script_path:
        missing = Finding(
            level="error",
            code="script_missing",
            message="Name the script to run.",
            field="script_path",
        )
        return Preflight(
            ok=False, findings=(missing,), scripts=SCRIPTS, dependency_files=DEPENDENCY_FILES
        )
    args = tuple(str(submission.script_args).split())
    return Preflight(
        ok=True,
        findings=FINDINGS,
        spec=fake.spec(script_path=submission.script_path, script_args=args),
        scripts=SCRIPTS,
        dependency_files=DEPENDENCY_FILES,
        arguments=ARGUMENTS,
    )
