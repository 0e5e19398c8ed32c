"""`python -m repo_runner logs RUN`: print a run's output, follow it, or search it."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator

from repo_runner.client import Client
from repo_runner.models import LogMatch, LogSearch

_POLL_S = 0.5


def add_log_options(parser: argparse.ArgumentParser) -> None:
    """What can be asked of a log."""
    parser.add_argument("run")
    parser.add_argument("-f", "--follow", action="store_true", help="go on until the run ends")
    parser.add_argument("--stream", choices=("output", "build", "fetch"), default="output")
    parser.add_argument("--search", metavar="TEXT", help="only the lines that hold it")
    parser.add_argument("--context", type=int, default=2, help="lines around each (default: 2)")
    parser.add_argument("--match-case", action="store_true", help="a capital is another letter")
    parser.add_argument("--limit", type=int, default=200, help="matches at most (default: 200)")


def logs(client: Client, asked: argparse.Namespace) -> int:
    """Print a run's output; `-f` follows it until the run ends, `--search` looks for a text."""
    if asked.search:
        return _search(client, asked)
    offset = 0
    while True:
        ended = client.get(asked.run).status.is_terminal
        piece = client.logs(asked.run, after=offset, stream=asked.stream)
        sys.stdout.write(piece.text)
        sys.stdout.flush()
        if piece.next_offset == offset and (ended or not asked.follow):
            return 0
        if piece.next_offset == offset:
            time.sleep(_POLL_S)
        offset = piece.next_offset


def _search(client: Client, asked: argparse.Namespace) -> int:
    """As grep prints it; what was not looked through is said on stderr."""
    found = client.search_logs(
        asked.run,
        asked.search,
        context=asked.context,
        match_case=asked.match_case,
        limit=asked.limit,
        stream=asked.stream,
    )
    if asked.json:
        sys.stdout.write(found.model_dump_json(indent=2) + "\n")
        return 0
    sys.stdout.writelines(f"{line}\n" for line in _printed(found))
    for note in _notes(found):
        sys.stderr.write(f"{note}\n")
    return 0


def _printed(found: LogSearch) -> Iterator[str]:
    has_context = any(match.before or match.after for match in found.matches)
    for number, match in enumerate(found.matches):
        if number and has_context:
            yield "--"
        yield from _numbered(match)


def _numbered(match: LogMatch) -> Iterator[str]:
    for number, text in enumerate(match.before, start=match.line - len(match.before)):
        yield f"{number}-{text}"
    yield f"{match.line}:{match.text}"
    for number, text in enumerate(match.after, start=match.line + 1):
        yield f"{number}-{text}"


def _notes(found: LogSearch) -> Iterator[str]:
    if not found.matches:
        yield "No line holds it."
    if found.next_offset is not None:
        yield f"There are more; these are the first {len(found.matches)}. Ask for more with --limit."
    if found.dropped_bytes:
        yield f"{found.dropped_bytes} bytes in the middle of this log were not kept."
