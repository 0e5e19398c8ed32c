"""What a preflight says of dependencies and Python: the environment's own readers, on copies of the files they read."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from repo_runner.dependency_files import find_dependency_files, folders_upwards, parent
from repo_runner.environment.declared import plan_dependencies
from repo_runner.environment.declared_lines import declared_lines
from repo_runner.environment.interpreters import Interpreter, own_interpreter
from repo_runner.environment.plan import DependencyPlan
from repo_runner.errors import InvalidRequirement
from repo_runner.inspection import Inspection
from repo_runner.models import RunSpec
from repo_runner.repository_files import RepositoryFiles
from repo_runner.settings import Settings

_BESIDE = (".python-version", "pyproject.toml", "uv.toml")
_INCLUDE = re.compile(
    r"^[\s-]*(?:-r|-c|--requirements?|--constraints?)[\s=]*(?P<path>\S+)", re.MULTILINE
)
_MAX_INCLUDED = 50
_MAX_FOLDERS = 3000
_MAX_DECLARED = 300


def first_files(files: RepositoryFiles, script: str, chosen: str) -> list[str]:
    """The dependency files of a script, and what lies beside them."""
    beside = [
        f"{folder}/{name}" if folder else name
        for folder in folders_upwards(script)
        for name in _BESIDE
    ]
    return [*find_dependency_files(files.paths, script), *beside, *([chosen] if chosen else [])]


def included_files(files: RepositoryFiles, paths: Iterable[str]) -> list[str]:
    """What fetched requirements files include from the repository."""
    found: dict[str, None] = {}
    for path in paths:
        for match in _INCLUDE.finditer(files.text(path)):
            target = _inside(f"{parent(path)}/{match['path']}")
            if target in files.known:
                found[target] = None
    return list(found)[:_MAX_INCLUDED]


def report_dependencies(
    files: RepositoryFiles, spec: RunSpec, settings: Settings, found: Inspection
) -> None:
    """Say which files are honoured, what is wrong in them and which Python they ask for."""
    found.dependency_files = find_dependency_files(files.paths, spec.script_path)
    unread = [p for p in found.dependency_files if files.content(p) is None]
    if unread:
        found.warn(
            "dependencies_unread",
            f"Not looked at: {', '.join(unread)} (a link, or too long).",
            "It is read when the environment is built.",
        )
        return
    plan = _plan(files, spec, settings, found)
    if plan is None:
        return
    named = [spec.dependency_file] if spec.dependency_file else found.dependency_files
    if named:
        found.ok("dependencies", f"Dependencies come from {', '.join(named)}.")
    else:
        found.warn(
            "no_dependency_file",
            "The repository has no dependency file.",
            "The operator's default requirements are installed, and those you name.",
        )
    for note in plan.notes:
        found.warn("dependency_note", note)
    _report_python(plan.python, spec.python, settings, found)


def _plan(
    files: RepositoryFiles, spec: RunSpec, settings: Settings, found: Inspection
) -> DependencyPlan | None:
    with tempfile.TemporaryDirectory(prefix="preflight-") as folder:
        _copy(files, Path(folder))
        try:
            plan = plan_dependencies(
                Path(folder),
                spec.script_path,
                spec.requirements,
                settings.default_requirements,
                dependency_file=spec.dependency_file,
            )
            asked = len(plan.lines) - len(spec.requirements)
            theirs = declared_lines(Path(folder), replace(plan, lines=plan.lines[:asked]))
            found.declared = theirs[:_MAX_DECLARED]
        except InvalidRequirement as error:
            if files.snapshot.submodules:  # what it names may lie in one of them
                found.warn(error.error_code, error.message, error.hint_text)
            else:
                found.refuse(error)
        except (ValueError, TypeError, LookupError, AttributeError, RecursionError, OSError):
            found.warn(
                "dependencies_unread",
                "A dependency file has not the form that such a file has.",
                "Look at it; building the environment will probably fail.",
            )
        else:
            return plan
    return None


def _copy(files: RepositoryFiles, top: Path) -> None:
    """The files that were fetched, among the repository's otherwise empty folders."""
    folders = sorted({parent(path) for path in files.paths}, key=lambda f: (f.count("/"), f))
    for folder in folders[:_MAX_FOLDERS]:
        if _is_plain(folder):
            (top / folder).mkdir(parents=True, exist_ok=True)
    for path in files.paths:
        content = files.content(path)
        if content is not None and _is_plain(path):
            (top / path).parent.mkdir(parents=True, exist_ok=True)
            (top / path).write_bytes(content)


def _report_python(wanted: str, asked: str, settings: Settings, found: Inspection) -> None:
    found.python = wanted
    default = settings.default_python or own_interpreter().version
    says = f"the repository asks for {wanted}" if wanted else "the repository asks for none"
    if asked:
        if Interpreter("", asked, "").fits(wanted):
            found.ok("python", f"Python {asked} as you ask; {says}.")
        else:
            found.warn(
                "python_mismatch",
                f"You ask for Python {asked}; {says}.",
                "Leave the version empty to use what the repository asks for.",
                "python",
            )
    elif Interpreter("", default, "").fits(wanted):
        found.ok("python", f"Python {default}; {says}.")
    else:
        found.warn(
            "python_other",
            f"{says[0].upper()}{says[1:]}; the default here is {default}.",
            "That version is looked for on this machine, or provided when the environment is built.",
        )


def _inside(path: str) -> str:
    """A path without `..`; empty when it leaves the repository."""
    parts: list[str] = []
    for part in PurePosixPath(path.lstrip("/")).parts:
        if part == "..":
            if not parts:
                return ""
            parts.pop()
        else:
            parts.append(part)
    return "/".join(parts)


def _is_plain(path: str) -> bool:
    parts = path.split("/")
    return not path.startswith("/") and ".." not in parts and "\0" not in path


def nested(files: RepositoryFiles, paths: Sequence[str], rounds: int = 3) -> Iterator[list[str]]:
    """Rounds of files that files include, until there is nothing new."""
    seen, latest = set(paths), list(paths)
    for _ in range(rounds):
        latest = [path for path in included_files(files, latest) if path not in seen]
        if not latest:
            return
        seen.update(latest)
        yield latest
