"""Everything that can be known about a submission before it starts, in seconds and without running any of it."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from repo_runner import intake
from repo_runner.dependency_files import find_dependency_files
from repo_runner.errors import InvalidInput, RunnerError, ScriptNotFound
from repo_runner.github_link import parse_link
from repo_runner.models import Finding, Preflight, RunSpec, Submission
from repo_runner.requirements import parse_requirements
from repo_runner.settings import Settings
from repo_runner.source import ResolvedSource, Source

T = TypeVar("T")

_MAX_SCRIPTS = 200


@dataclass
class Inspection:
    """What was found: a spec, or the errors that stand in its way."""

    errors: list[RunnerError] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    spec: RunSpec | None = None
    scripts: tuple[str, ...] = ()
    dependency_files: tuple[str, ...] = ()

    def attempt(self, step: Callable[[], T]) -> T | None:
        """The step's value, or None after noting the error a person can mend."""
        try:
            return step()
        except RunnerError as error:
            self.errors.append(error)
            self.findings.append(
                Finding(
                    level="error",
                    code=error.error_code,
                    message=error.message,
                    hint=error.hint_text,
                    field=error.field,
                )
            )
            return None

    def ok(self, code: str, message: str) -> None:
        """Note that something is as it should be."""
        self.findings.append(Finding(level="ok", code=code, message=message))

    def warn(self, code: str, message: str, hint: str = "") -> None:
        """Note something a person may want to know."""
        self.findings.append(Finding(level="warn", code=code, message=message, hint=hint))

    def report(self) -> Preflight:
        """As the API answers it."""
        return Preflight(
            ok=not self.errors,
            findings=tuple(self.findings),
            spec=self.spec,
            scripts=self.scripts,
            dependency_files=self.dependency_files,
        )


def inspect(submission: Submission, settings: Settings, source: Source) -> Inspection:
    """Check the text first, then the repository; every error is found at once where that is possible."""
    found = Inspection()
    link = found.attempt(
        lambda: parse_link(submission.link.strip(), allowed_hosts=settings.allowed_hosts)
    )
    words = found.attempt(lambda: intake.split_arguments(submission.script_args))
    requirements = found.attempt(lambda: parse_requirements(submission.requirements))
    python = found.attempt(lambda: intake.check_python(submission.python))
    env = found.attempt(lambda: intake.check_env(submission.env))
    if submission.script_path.strip():
        found.attempt(lambda: intake.check_script_path(submission.script_path))
    if link is None or found.errors:
        return found
    resolved = found.attempt(lambda: source.resolve(link, submission.ref.strip()))
    if resolved is None:
        return found
    found.ok(
        "commit", f"{resolved.ref or 'The default branch'} is commit {resolved.commit_sha[:12]}."
    )
    script = found.attempt(lambda: _find_script(submission, resolved, source, found))
    if script is None:
        return found
    found.spec = RunSpec(
        repo_url=resolved.repo_url,
        ref=resolved.ref,
        commit_sha=resolved.commit_sha,
        script_path=script,
        script_args=words or (),
        requirements=requirements or (),
        name=submission.name.strip() or default_name(resolved.repo_url, script),
        python=python or "",
        env=env or {},
        backend=submission.backend,
    )
    return found


def default_name(repo_url: str, script_path: str) -> str:
    """The repository's name and the script's, such as `digits · train`."""
    return f"{repo_url.rsplit('/', 1)[-1]} · {script_path.removesuffix('.py')}"


def _find_script(
    submission: Submission, resolved: ResolvedSource, source: Source, found: Inspection
) -> str:
    files = source.files(resolved.repo_url, resolved.commit_sha)
    found.scripts = _scripts(files)
    path = submission.script_path.strip() or (
        resolved.path if resolved.path.endswith(".py") else ""
    )
    if not path and "train.py" in files:
        path = "train.py"
    script = intake.check_script_path(path)
    if script not in files:
        raise _missing(script, resolved, found.scripts)
    found.ok("script", f"{script} exists at this commit.")
    found.dependency_files = find_dependency_files(files, script)
    if found.dependency_files:
        found.ok("dependencies", f"Dependencies come from {', '.join(found.dependency_files)}.")
    else:
        found.warn(
            "no_dependency_file",
            "The repository has no dependency file.",
            "The operator's default requirements are installed, and those you name.",
        )
    return script


def _missing(script: str, resolved: ResolvedSource, scripts: tuple[str, ...]) -> InvalidInput:
    near = difflib.get_close_matches(script, scripts, n=3, cutoff=0.4)
    same_name = [s for s in scripts if s.rsplit("/", 1)[-1] == script.rsplit("/", 1)[-1]]
    names = list(dict.fromkeys([*same_name, *near]))[:3]
    return ScriptNotFound(
        f"There is no {script} at commit {resolved.commit_sha[:12]}.",
        field="script_path",
        hint=f"Did you mean {' or '.join(names)}?" if names else ScriptNotFound.hint,
    )


def _scripts(files: tuple[str, ...]) -> tuple[str, ...]:
    """Python files, the ones that look like training scripts first."""
    python = [f for f in files if f.endswith(".py") and not f.endswith("__init__.py")]
    likely = ("train", "main", "run", "fit")
    return tuple(
        sorted(
            python,
            key=lambda f: (not any(w in f.rsplit("/", 1)[-1] for w in likely), f.count("/"), f),
        )
    )[:_MAX_SCRIPTS]
