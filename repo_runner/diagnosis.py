"""Why a script failed, for people: a code, one sentence, the lines that show it, what to do next."""

from __future__ import annotations

import re
import signal
from dataclasses import dataclass
from pathlib import Path

from repo_runner.errors import RunnerError
from repo_runner.events import Event
from repo_runner.kept_output import last_lines
from repo_runner.models import Failure

_SHOWN_LINES = 20


@dataclass(frozen=True)
class _Cause:
    code: str
    pattern: re.Pattern[str]
    message: str
    hint: str


#: Tried in order on the last lines of output; `{0}` is what the pattern's group found.
_CAUSES = (
    _Cause(
        "module_missing",
        re.compile(r"ModuleNotFoundError: No module named '([\w.]+)'"),
        "The script needs the package {0}, which is not installed.",
        "Add the package that provides {0} to the requirements and run again.",
    ),
    _Cause(
        "part_of_package",
        re.compile(r"ImportError: attempted relative import with (no known parent package)"),
        "The script imports from its own package, so it cannot be run by its path.",
        "Name it as a module, such as -m package.train.",
    ),
    _Cause(
        "gpu_out_of_memory",
        re.compile(r"(?:torch\.)?(?:cuda\.)?OutOfMemoryError: (.*)"),
        "The GPU ran out of memory.",
        "Use a smaller batch size, or wait until other processes have freed the GPU.",
    ),
    _Cause(
        "disk_full",
        re.compile(r"OSError: \[Errno 28\] (.*)"),
        "The disk is full.",
        "Free some space and run again.",
    ),
    _Cause(
        "arguments_refused",
        re.compile(
            r"error: ((?:unrecognized arguments|the following arguments are required|argument ).*)"
        ),
        "The script refused its arguments: {0}.",
        "Correct the arguments and run again.",
    ),
)
_EXCEPTION = re.compile(r"^(?:[\w.]+\.)?(\w+(?:Error|Exception|Interrupt|Exit)): ?(.*)$")


def of_script(
    exit_code: int | None, number: int | None, output: Path, exception: Event | None
) -> Failure:
    """Why the script ended as it did."""
    lines = tuple(last_lines(output, _SHOWN_LINES))
    if number:
        return _of_signal(number, lines)
    for cause in _CAUSES:
        for line in reversed(lines):
            if match := cause.pattern.search(line):
                found = match.group(1).rstrip(".")
                return Failure(
                    error_code=cause.code,
                    message=cause.message.format(found),
                    hint=cause.hint.format(found),
                    lines=lines,
                )
    reason = _reason(lines, exception)
    return Failure(
        error_code="script_failed",
        message=f"The script ended with exit code {exit_code}{': ' + reason if reason else ''}.",
        hint="Look at the lines below; the whole output is in the log.",
        lines=lines,
    )


def of_error(error: Exception) -> Failure:
    """Why a step before the script failed."""
    if isinstance(error, RunnerError):
        return Failure(
            error_code=error.error_code,
            message=error.message,
            hint=error.hint_text,
            lines=tuple(error.lines),
        )
    return Failure(
        error_code="internal",
        message=f"The supervisor failed: {type(error).__name__}: {error}",
        hint="This is a defect of the app; its traceback is in the run's supervisor.log.",
    )


INTERRUPTED = Failure(
    error_code="interrupted",
    message="The script was ended from outside (SIGTERM), not by this app.",
    hint="Resume the run to go on from its last checkpoint.",
)


def _of_signal(number: int, lines: tuple[str, ...]) -> Failure:
    name = signal.Signals(number).name
    if number == signal.SIGKILL:
        hint = (
            "Most often the machine ran out of memory: use a smaller batch size or fewer workers."
        )
    else:
        hint = "Look at the lines below; a crash in native code leaves no traceback."
    return Failure(
        error_code="script_killed",
        message=f"The script was ended by {name}.",
        hint=hint,
        lines=lines,
    )


def _reason(lines: tuple[str, ...], exception: Event | None) -> str:
    for line in reversed(lines):
        if match := _EXCEPTION.match(line.strip()):
            return f"{match.group(1)}: {match.group(2)}".rstrip(".: ")
    if exception:
        return f"{exception.get('type')}: {exception.get('msg')}".rstrip(".: ")
    return ""
