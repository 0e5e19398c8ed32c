"""What uv says when it fails → one of our errors, with uv's reason kept in its own words."""

from __future__ import annotations

import re
from collections.abc import Sequence

from repo_runner.errors import (
    BuildFailed,
    DiskFull,
    IndexUnreachable,
    InvalidRequirement,
    NoMatchingWheel,
    PythonUnavailable,
    ResolutionImpossible,
    RunnerError,
)

_KEPT_LINES = 20


class HashMismatch(BuildFailed):
    """A downloaded package is not the one that the requirements name by its hash."""

    code = "hash_mismatch"
    hint = "Do not use it before you know why: the index may serve another file, or the hash is out of date."


class BuildTimeout(BuildFailed):
    """Building the environment took too long and was given up."""

    code = "build_timeout"
    http_status = 504
    hint = "Look where it stood still; if it only needs longer, raise REPO_RUNNER_BUILD_TIMEOUT_S."


#: First match wins: a full disk or a dead index also shows up as a failing build or download.
_FAILURES: tuple[tuple[type[RunnerError], tuple[str, ...]], ...] = (
    (DiskFull, ("No space left on device", r"os error 28\b", "Disk quota exceeded")),
    (HashMismatch, ("Hash mismatch",)),
    (
        IndexUnreachable,
        (
            "Failed to fetch",
            "error sending request",
            "dns error",
            "Connection refused",
            "HTTP status",
        ),
    ),
    (
        PythonUnavailable,
        (
            "No interpreter found",
            "No download found for request",
            "Python downloads are not allowed",
            "Failed to inspect Python",
        ),
    ),
    (BuildFailed, ("Failed to build", "build backend", "Failed to prepare")),
    (
        NoMatchingWheel,
        (
            "has no usable wheels",
            "no wheels with a matching",
            "a source distribution or wheel for the current platform",
            "does not satisfy Python",
        ),
    ),
    (ResolutionImpossible, ("No solution found", "conflicting", "was not found in the")),
    (InvalidRequirement, ("Couldn't parse", "Invalid requirement", "Unsupported requirement")),
)

#: Lines that say how far uv got or warn about interpreters it passed over, not why it failed.
_NOISE = re.compile(
    r"^\s*(Using |Creating |Activate |Resolved \d|Prepared \d|Download(ing|ed) |Building |Built |$)"
)


def installer_failure(output: str) -> RunnerError:
    """The error that uv's output of a failed command stands for."""
    kind = next((k for k, words in _FAILURES if re.search("|".join(words), output)), BuildFailed)
    return kind(lines=reason_lines(output))


def build_timeout(said: str, output: Sequence[str]) -> BuildTimeout:
    """The error for an installer that did not come to an end; its last lines show where it was."""
    return BuildTimeout(f"Building the environment: {said}", lines=list(output[-_KEPT_LINES:]))


def reason_lines(output: str) -> list[str]:
    """The last lines of uv's error, at most 20, without its progress lines."""
    lines = [line.rstrip() for line in output.splitlines() if not _NOISE.match(line)]
    start = next((n for n, line in enumerate(lines) if re.match(r"\s*(error:|\u00d7)", line)), 0)
    reason = lines[start:]
    if len(reason) <= _KEPT_LINES:
        return reason
    return [reason[0], *reason[1 - _KEPT_LINES :]]
