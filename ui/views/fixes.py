"""What a click can mend: for a finding of the preflight, the changes of the form that answer it."""

from __future__ import annotations

import difflib
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from repo_runner.models import Finding, Preflight, ScriptArgument, Submission
from repo_runner.script_name import module_at
from ui.views.argument_line import long_flag, split, with_subcommand, with_value

_MAX_OFFERED = 3


@dataclass(frozen=True)
class Fix:
    """A button under a sentence, and what it changes in the form."""

    label: str
    changes: dict[str, str | bool]


def fixes_for(finding: Finding, preflight: Preflight, submission: Submission) -> list[Fix]:
    """Return at most three ways out, the best first."""
    if finding.level == "ok":
        return []
    makers = {
        "script_not_found": _scripts,
        "script_missing": _scripts,
        "invalid_input": _scripts,
        "part_of_package": _module,
        "ref_not_found": _refs,
        "argument_unknown": _spellings,
        "subcommand_missing": _subcommands,
        "no_gpu": _cpu,
        "submodules": _submodules,
        "submodule_unreachable": _no_submodules,
        "lfs_pointers": _lfs,
        "python_mismatch": _python,
    }
    make = makers.get(finding.code)
    return list(make(finding, preflight, submission))[:_MAX_OFFERED] if make else []


def _scripts(finding: Finding, preflight: Preflight, submission: Submission) -> Iterator[Fix]:
    if finding.field != "script_path":
        return
    for path in nearest(submission.script_path, preflight.scripts):
        yield Fix(f"Use {path}", {"script_path": path})


def _module(_finding: Finding, preflight: Preflight, _submission: Submission) -> Iterator[Fix]:
    if preflight.spec and (module := module_at(preflight.spec.script_path)):
        yield Fix(f"Run as -m {module}", {"script_path": f"-m {module}"})


def _refs(_finding: Finding, preflight: Preflight, submission: Submission) -> Iterator[Fix]:
    names = [ref.name for ref in preflight.refs]
    for name in difflib.get_close_matches(submission.ref, names, n=2):
        yield Fix(f"Use {name}", {"ref": name})
    default = next((ref.name for ref in preflight.refs if ref.is_default), "")
    yield Fix(f"Use the default branch{f', {default}' if default else ''}", {"ref": ""})


def _spellings(finding: Finding, preflight: Preflight, submission: Submission) -> Iterator[Fix]:
    words = split(_line(submission)) or []
    flags = [flag for one in preflight.arguments for flag in (*one.flags, one.off_flag) if flag]
    for at, word in enumerate(words):
        given, equals, value = word.partition("=")
        if not finding.message.endswith(f" {given}."):
            continue
        for flag in difflib.get_close_matches(given, flags, n=2):
            line = shlex.join([*words[:at], f"{flag}{equals}{value}", *words[at + 1 :]])
            yield Fix(f"Use {flag}", {"script_args": line})
        line = shlex.join([*words[:at], *words[at + 1 :]])
        yield Fix(f"Leave out {given}", {"script_args": line})


def _subcommands(_finding: Finding, preflight: Preflight, submission: Submission) -> Iterator[Fix]:
    names = preflight.subcommands
    for name in names:
        line = with_subcommand(_line(submission), preflight.arguments, names, name)
        yield Fix(f"Begin with {name}", {"script_args": line})


def _cpu(_finding: Finding, preflight: Preflight, submission: Submission) -> Iterator[Fix]:
    for argument in preflight.arguments:
        if _is_device(argument):
            line = with_value(
                _line(submission),
                preflight.arguments,
                argument.name,
                "cpu",
                preflight.subcommands,
            )
            yield Fix(f"Use {long_flag(argument)} cpu", {"script_args": line})
            return


def _submodules(_finding: Finding, _preflight: Preflight, _given: Submission) -> Iterator[Fix]:
    yield Fix("Fetch submodules too", {"submodules": True})


def _no_submodules(_finding: Finding, _preflight: Preflight, _given: Submission) -> Iterator[Fix]:
    yield Fix("Leave submodules out", {"submodules": False})


def _lfs(_finding: Finding, _preflight: Preflight, _given: Submission) -> Iterator[Fix]:
    yield Fix("Fetch these files too", {"lfs": True})


def _python(_finding: Finding, _preflight: Preflight, _given: Submission) -> Iterator[Fix]:
    yield Fix("Use the repository's version", {"python": ""})


def _is_device(argument: ScriptArgument) -> bool:
    fits = argument.choices is None or "cpu" in argument.choices
    last = argument.name.rpartition(".")[2]
    return last in {"accelerator", "device"} and bool(argument.flags) and fits


def nearest(path: str, scripts: Iterable[str]) -> list[str]:
    """Return the same name elsewhere, then similar paths; without a path the best guesses."""
    known = list(scripts)
    if not path:
        return known
    name = path.rsplit("/", 1)[-1]
    same = [one for one in known if one.rsplit("/", 1)[-1] == name]
    return list(dict.fromkeys([*same, *difflib.get_close_matches(path, known, n=3, cutoff=0.4)]))


def _line(submission: Submission) -> str:
    given = submission.script_args
    return given if isinstance(given, str) else shlex.join(given)
