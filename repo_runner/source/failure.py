"""git's own words → our errors: the first pattern that fits decides; its last lines are kept."""

from __future__ import annotations

import re

from repo_runner.errors import (
    AuthRequired,
    DiskFull,
    FetchInterrupted,
    FetchTimeout,
    HostUnreachable,
    RefNotFound,
    RepoMoved,
    RepoNotFound,
    RunnerError,
    SourceError,
    UntrustedHost,
)

_KEPT_LINES = 12
_KEPT_CHARS = 500


class UnknownRevisionError(SourceError):
    """No object, or more than one, goes by this name."""


class UnreadableObjectError(SourceError):
    """An object of the commit is missing from the mirror, or damaged."""


#: Words of git and of its libraries, in this order: a full disk or a broken connection makes git
#: say the later things too.
_MEANINGS: tuple[tuple[type[RunnerError], tuple[str, ...]], ...] = (
    (DiskFull, ("No space left on device", "Disk quota exceeded")),
    (
        AuthRequired,
        (
            "could not read (Username|Password)",
            "Authentication failed",
            "Access denied",
            r"error: 40[13]\b",
        ),
    ),
    (RepoNotFound, ("repository '[^']*' not found", r"error: (404|410)\b")),
    (RepoMoved, (r"error: 30[12378]\b", "redirect")),
    (FetchTimeout, ("Operation too slow", "timed out", "Timeout was reached")),
    (UntrustedHost, ("certificate", "no alternative certificate", "SSL peer", "CAfile")),
    (
        HostUnreachable,
        (
            "Could not resolve (host|proxy)",
            "Failed to connect",
            "Couldn't connect",
            "Connection refused",
            "is unreachable",
        ),
    ),
    (
        RefNotFound,
        ("not our ref", "couldn't find remote ref", "no such remote ref", "unadvertised object"),
    ),
    (
        FetchInterrupted,
        (
            "early EOF",
            "RPC failed",
            "unexpected disconnect",
            "hung up",
            "transfer closed",
            "reset by peer",
            r"error: (429|5\d\d)\b",
            "Empty reply",
            "SSL_(read|write|ERROR_SYSCALL)",
            "unexpected eof",
            "expected .* packet",
            "response end packet",
            "invalid index-pack output",
        ),
    ),
    (UnknownRevisionError, ("Needed a single revision", "is ambiguous")),
    (
        UnreadableObjectError,
        (
            "[Nn]ot a valid object name",
            "not a git repository",
            "(unable|could not|failed|cannot) (to )?read",
            "missing (blob|tree|object)",
            "bad (object|file|tree|revision)",
            "not a tree object",
            "corrupt",
            "inflate",
            "far too short",
            "does not match",
        ),
    ),
)
#: Names and addresses say nothing of what went wrong: a repository may be called `redirect`.
_NAMES = re.compile(r"(?<!\w)'[^']*'|(https?:/)?/\S+")
_SECRETS = (
    (re.compile(r"://[^/\s@]*@"), "://***@"),
    (re.compile(r"(?i)(authorization:\s*)\S+(\s+\S+)?"), r"\1***"),
    (re.compile(r"\b(gh[a-z]_|github_pat_|glpat-)[A-Za-z0-9_-]+"), "***"),
)


def failure_of(said: str, exit_code: int) -> RunnerError:
    """The error that git's stderr means; its `lines` are git's last ones, secrets masked."""
    lines = _kept_lines(said)
    told = [_NAMES.sub("''", line) for line in lines]
    for kind, patterns in _MEANINGS:
        if any(re.search(pattern, line) for pattern in patterns for line in told):
            return kind(lines=lines)
    return SourceError(f"git ended with exit code {exit_code}.", lines=lines)


def _kept_lines(said: str) -> list[str]:
    """The last lines for people: progress is left out."""
    lines = [line.strip() for line in re.split(r"[\r\n]+", said)]
    plain = [line for line in lines if line and "% (" not in line]
    return [_masked(line)[:_KEPT_CHARS] for line in plain[-_KEPT_LINES:]]


def _masked(line: str) -> str:
    for pattern, mask in _SECRETS:
        line = pattern.sub(mask, line)
    return line
