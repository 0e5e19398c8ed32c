"""The command line: `python -m repo_runner …`, thin over the client.

Exit codes: 0 done (with `--wait`: the run succeeded) · 1 the app failed · 2 bad input · 3 no such run or file
4 not possible in the run's state · 5 the app does not answer · 6 the data folder is in use
7 too many runs wait · 8 you may not · 9 the database cannot be used
10 the run failed · 11 the run was stopped.
"""

from __future__ import annotations

import argparse
import sys
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from repo_runner.access.one_time_link import new_link
from repo_runner.access.person import Role
from repo_runner.access.token_list import new_token
from repo_runner.app_file import AppAddress
from repo_runner.client import Client
from repo_runner.errors import RunnerError
from repo_runner.limit_options import describe_limits
from repo_runner.log_command import add_log_options, logs
from repo_runner.models import Run, RunStatus
from repo_runner.progress_line import ProgressLine, describe
from repo_runner.restore_command import add_restore_options, restore
from repo_runner.settings import Settings
from repo_runner.settings_command import show_settings
from repo_runner.submission_options import (
    add_submission_options,
    describe_preflight,
    submission_of,
)

_ENDS = {RunStatus.SUCCEEDED: 0, RunStatus.FAILED: 10, RunStatus.STOPPED: 11}
_EXIT_BY_HTTP = {401: 8, 403: 8, 404: 3, 409: 4, 422: 2, 429: 7}
_POLL_S = 0.5


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; an error a person can mend is one line on stderr."""
    words, script_args = _split(sys.argv[1:] if argv is None else list(argv))
    asked = _parser().parse_args(words)
    asked.script_args = script_args
    try:
        settings = Settings.from_env()
        if asked.address:
            settings = replace(settings, address=asked.address)
        command: Callable[[Client, argparse.Namespace], int] = asked.command
        is_offline = command in (link, token, restore, show_settings)
        client = Client("") if is_offline else Client.from_settings(settings)
        return command(client, asked)
    except RunnerError as error:
        return _complain(error)
    except KeyboardInterrupt:
        return 130


def _split(words: list[str]) -> tuple[list[str], list[str]]:
    """Ours, and after the first `--` the script's: argparse would look for options among the latter."""
    if "--" not in words:
        return words, []
    at = words.index("--")
    return words[:at], words[at + 1 :]


def submit(client: Client, asked: argparse.Namespace) -> int:
    """Submit a run, and with `--wait` follow it to its end."""
    submission = submission_of(asked)
    run = client.submit(submission, asked.idempotency_key or str(uuid.uuid4()))
    if not asked.wait:
        _show(run, asked, run.run_id)
        return 0
    run = wait(client, run)
    _show(run, asked, describe(run))
    return _ENDS[run.status]


def preflight(client: Client, asked: argparse.Namespace) -> int:
    """Say what is known about a submission; starts nothing."""
    report = client.preflight(submission_of(asked))
    _show(report, asked, describe_preflight(report))
    return 0 if report.ok else 2


def wait(client: Client, run: Run) -> Run:
    """Follow a run to its end with a live line on stderr."""
    with ProgressLine(sys.stderr) as line:
        while not run.status.is_terminal:
            line.show(describe(run))
            # The API has no blocking read of a run; its event stream is for single events.
            time.sleep(_POLL_S)
            run = client.get(run.run_id)
    return run


def list_runs(client: Client, asked: argparse.Namespace) -> int:
    """List runs, newest first."""
    page = client.list(status=asked.status, q=asked.q, limit=asked.limit)
    _show(page, asked, "\n".join(_row(r) for r in page.runs) or "No runs yet.")
    return 0


def _row(run: Run) -> str:
    by = f"  ({run.spec.submitted_by})" if run.spec.submitted_by else ""
    return f"{run.run_id}  {describe(run)}{by}"


def show(client: Client, asked: argparse.Namespace) -> int:
    """Show one run."""
    run = client.get(asked.run)
    _show(
        run,
        asked,
        "\n".join(
            f"{name}: {value}" for name, value in _facts(run).items() if value not in (None, "")
        ),
    )
    return 0


def stop(client: Client, asked: argparse.Namespace) -> int:
    """Ask a run to save and stop."""
    _show(client.stop(asked.run), asked, f"{asked.run} is asked to stop.")
    return 0


def resume(client: Client, asked: argparse.Namespace) -> int:
    """Start a new attempt from the saved checkpoint."""
    _show(client.resume(asked.run), asked, f"{asked.run} is queued again.")
    return 0


def delete(client: Client, asked: argparse.Namespace) -> int:
    """Remove an ended run and its folder."""
    client.delete(asked.run)
    sys.stdout.write(f"{asked.run} is deleted.\n")
    return 0


def download(client: Client, asked: argparse.Namespace) -> int:
    """Save a checkpoint; its sha256 is compared."""
    names = {c.name: c for c in client.checkpoints(asked.run)}
    known = next(
        (
            c
            for c in names.values()
            if asked.name in (c.name, "best" * c.is_best, "last" * c.is_last)
        ),
        None,
    )
    target = Path(asked.output or (known.name if known else f"{asked.name}.ckpt"))
    sha256 = client.download(asked.run, asked.name, target)
    sys.stdout.write(f"{target}\nsha256: {sha256}\n")
    return 0


def link(_client: Client, _asked: argparse.Namespace) -> int:
    """Print a fresh link that opens the app on this data folder in a browser, once, within an hour."""
    found = AppAddress.find(replace(Settings.from_env(), address=""))
    sys.stdout.write(new_link(found.public_address, found.token) + "\n")
    return 0


def token(_client: Client, asked: argparse.Namespace) -> int:
    """Make a person's token and the line of REPO_RUNNER_TOKEN_FILE that makes the app know it."""
    secret, line = new_token(asked.name, Role(asked.role))
    sys.stdout.write(f"token: {secret}\nline: {line}\n")
    return 0


def _facts(run: Run) -> dict[str, Any]:
    score = (
        f"{run.best_model_score} ({run.monitor}, {run.mode})"
        if run.best_model_score is not None
        else None
    )
    return {
        "run_id": run.run_id,
        "name": run.name,
        "submitted_by": run.spec.submitted_by,
        "status": run.status.value,
        "state": describe(run),
        "waits": run.waiting_for,
        "limits": describe_limits(run.spec.limits),
        "repo_url": run.spec.repo_url,
        "ref": run.spec.ref,
        "commit_sha": run.commit_sha,
        "script": " ".join([run.spec.script, *run.spec.script_args]),
        "best_model_score": score,
        "best_model_path": run.best_model_path,
        "error": f"{run.failure.message} {run.failure.hint}" if run.failure else None,
    }


def _show(record: BaseModel, asked: argparse.Namespace, text: str) -> None:
    sys.stdout.write((record.model_dump_json(indent=2) if asked.json else text) + "\n")


def _complain(error: RunnerError) -> int:
    where = f" ({error.field})" if error.field else ""
    sys.stderr.write(f"repo-runner: {error.message}{where} {error.hint_text}".rstrip() + "\n")
    for line in error.lines:
        sys.stderr.write(f"  {line}\n")
    return _EXIT_BY_HTTP.get(error.http_status, error.exit_code)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m repo_runner",
        description="Train a script from a GitHub link and watch it live.",
        epilog=__doc__.split("\n\n", 1)[1] if __doc__ else None,
    )
    parser.add_argument(
        "--address",
        default="",
        help="of the app, its token in REPO_RUNNER_TOKEN (default: the app on this data folder)",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_submit(commands)
    _add_reads(commands)
    _add(commands, "link", link)
    making = _add(commands, "token", token)
    making.add_argument("name", help="the person, one word")
    making.add_argument("role", choices=[role.value for role in Role])
    for verb, command in (("stop", stop), ("resume", resume), ("delete", delete)):
        _add(commands, verb, command).add_argument("run")
    saving = _add(commands, "download", download)
    saving.add_argument("run")
    saving.add_argument("name", nargs="?", default="best", help="best, last or a checkpoint's name")
    saving.add_argument("-o", "--output", help="file to write (default: the checkpoint's name)")
    add_restore_options(_add(commands, "restore", restore))
    _add(commands, "settings", show_settings)
    return parser


def _add_submit(commands: Any) -> None:
    parser = _add(commands, "submit", submit)
    add_submission_options(parser)
    parser.add_argument("--idempotency-key", default="", help="the same key twice is the same run")
    parser.add_argument("--wait", action="store_true", help="follow the run to its end")
    parser.usage = "%(prog)s LINK [options] [-- SCRIPT_ARGS]"
    checking = _add(commands, "preflight", preflight)
    add_submission_options(checking)
    checking.usage = parser.usage


def _add_reads(commands: Any) -> None:
    listing = _add(commands, "list", list_runs)
    listing.add_argument(
        "--status", help="pending, running, succeeded, failed, stopped; several with commas"
    )
    listing.add_argument("-q", default="", help="words in the name, id or commit")
    listing.add_argument("--limit", type=int, default=20)
    _add(commands, "show", show).add_argument("run")
    add_log_options(_add(commands, "logs", logs))


def _add(commands: Any, verb: str, command: Callable[..., int]) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        verb, help=(command.__doc__ or "").rstrip(".")
    )
    parser.set_defaults(command=command)
    parser.add_argument("--json", action="store_true", help="print the API's answer")
    return parser
