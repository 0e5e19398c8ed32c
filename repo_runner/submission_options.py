"""The command line's words for a submission, and a preflight as a person reads it there."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import get_args

from pydantic import SecretStr, ValidationError

from repo_runner.errors import InvalidInput
from repo_runner.limit_options import add_limit_options, limits_of
from repo_runner.models import Backend, Preflight, ScriptArgument, Submission
from repo_runner.settings import read_secret

_MARKS = {"ok": "ok   ", "warn": "warn ", "error": "ERROR"}


def add_submission_options(parser: argparse.ArgumentParser) -> None:
    """What `submit` and `preflight` both take."""
    parser.add_argument("link", help="any link to a GitHub repository, branch, commit or script")
    parser.add_argument(
        "--ref", default="", help="branch, tag or commit (default: the default branch)"
    )
    parser.add_argument(
        "--script", default="", help='path from the top of the repository, or "-m package.module"'
    )
    parser.add_argument(
        "--requirement", action="append", default=[], metavar="REQ", help="extra requirement"
    )
    parser.add_argument(
        "--dependency-file",
        default="",
        metavar="PATH",
        help="use this one (default: the best found)",
    )
    parser.add_argument("--name", default="")
    parser.add_argument("--python", default="", help="Python version, such as 3.11")
    parser.add_argument(
        "--submodules", action="store_true", help="fetch submodules too, from the same host"
    )
    parser.add_argument(
        "--lfs", action="store_true", help="fetch files that are kept in Git LFS too"
    )
    parser.add_argument(
        "--env",
        action="append",
        default=[],
        metavar="NAME[=VALUE]",
        help="variable of the script; without a value, the one it has here (so that a secret is never typed)",
    )
    parser.add_argument(
        "--secret",
        action="append",
        default=[],
        metavar="NAME",
        help="variable of the script with the value it has here, sealed and masked whatever its name",
    )
    parser.add_argument(
        "--secret-ref",
        action="append",
        default=[],
        metavar="NAME[=VARIABLE]",
        help="variable of the script whose value the operator of the app holds",
    )
    parser.add_argument(
        "--sandbox",
        choices=("none", "landlock", "bubblewrap"),
        default="",
        help="what stands between the script and the machine (default: the operator's)",
    )
    parser.add_argument(
        "--token-env",
        default="",
        metavar="NAME",
        help="environment variable that holds the token of a private repository",
    )
    parser.add_argument("--backend", choices=get_args(Backend), default="", help="where it runs")
    add_limit_options(parser)


def submission_of(asked: argparse.Namespace) -> Submission:
    """What was asked for. Raises InvalidInput for a text that is too long."""
    token = read_secret(asked.token_env) if asked.token_env else ""
    try:
        return Submission(
            link=asked.link,
            ref=asked.ref,
            script_path=asked.script,
            script_args=asked.script_args,
            requirements=asked.requirement,
            dependency_file=asked.dependency_file,
            name=asked.name,
            python=asked.python,
            env=dict(_variable(item) for item in asked.env),
            secret_env={name: SecretStr(read_secret(name, field="env")) for name in asked.secret},
            sandbox=asked.sandbox,
            secret_refs=dict(_reference(item) for item in asked.secret_ref),
            backend=asked.backend,
            submodules=asked.submodules,
            lfs=asked.lfs,
            token=SecretStr(token),
            **limits_of(asked),
        )
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        field = ".".join(map(str, first["loc"]))
        raise InvalidInput(f"{first['msg']}.", field=field) from None


def _variable(item: str) -> tuple[str, str]:
    name, equals, value = item.partition("=")
    return name, value if equals else read_secret(name, field="env")


def _reference(item: str) -> tuple[str, str]:
    name, _, source = item.partition("=")
    return name, source or name


def describe_preflight(report: Preflight) -> str:
    """One line a finding, then the script's arguments."""
    lines = [
        f"{_MARKS[f.level]} {f.message}{f' {f.hint}' if f.hint and f.level != 'ok' else ''}"
        for f in report.findings
    ]
    if report.arguments:
        lines += ["", "Arguments:", *(f"  {line}" for line in _rows(report.arguments))]
    return "\n".join(lines)


def _rows(arguments: tuple[ScriptArgument, ...]) -> Iterator[str]:
    for argument in arguments:
        names = ", ".join(argument.flags) or argument.name
        kind = "" if argument.is_flag else f" {argument.type}"
        facts = ["required"] if argument.required else []
        if argument.subcommands:
            facts.append(f"after {' or '.join(argument.subcommands)}")
        if argument.default is not None and not argument.is_flag:
            facts.append(f"default {argument.default!r}")
        if argument.choices:
            facts.append(f"one of {', '.join(map(str, argument.choices))}")
        said = f"  ({'; '.join(facts)})" if facts else ""
        about = f"  {argument.help}" if argument.help else ""
        yield f"{names}{kind}{said}{about}"
