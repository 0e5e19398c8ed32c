"""Why a script failed, for people: a code, one sentence, the lines that show it, what to do next."""

from __future__ import annotations

import errno
import re
import signal
from dataclasses import dataclass
from pathlib import Path

from repo_runner.errors import DiskFull, RunnerError
from repo_runner.events import Event
from repo_runner.kept_output import last_lines
from repo_runner.models import Failure, Limits
from repo_runner.quantity import format_bytes
from repo_runner.script_exit import ScriptExit

_SHOWN_LINES = 20


@dataclass(frozen=True)
class _Cause:
    code: str
    pattern: re.Pattern[str]
    message: str
    hint: str


#: However the others end then: by a signal, with an error, or with exit code 0.
_RANK_LOST = _Cause(
    "rank_lost",
    re.compile(
        r"(?:\[rank: \d+\] |gloo/\S+\] (?:Read error \S+ |Write error \S+ )?)"
        r"(Child process with PID \d+ terminated with code -?\d+|Connection (?:closed|reset) by peer)"
    ),
    "One of the training's processes was lost, so the others ended: {0}.",
    "Code -9 is a kill, most often for lack of memory; look for that process's own words in the log.",
)
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
        "out_of_memory",
        re.compile(
            r"(^MemoryError\b.*|DefaultCPUAllocator: (?:can't allocate|not enough) memory.*)"
        ),
        "The script found no memory left.",
        "Use a smaller batch size or fewer workers, or fewer runs at a time.",
    ),
    _Cause(
        "disk_full",
        re.compile(r"((?:\[Errno (?:28|122)\]|No space left on device|Disk quota exceeded).*)"),
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
_WORKER_KILLED = re.compile(r"killed by signal: Killed|SIGKILL|exitcode:? *-9")
_EXCEPTION = re.compile(r"^(?:[\w.]+\.)?(\w+(?:Error|Exception|Interrupt|Exit)): ?(.*)$")


def of_script(ended: ScriptExit, limits: Limits, output: Path, exception: Event | None) -> Failure:
    """Why the script ended as it did."""
    lines = tuple(last_lines(output, _SHOWN_LINES))
    found = _of_memory(ended, limits, lines) or _named(lines, (_RANK_LOST,))
    if found is not None:
        return found
    if ended.signal:
        return _of_signal(ended.signal, lines)
    if named := _named(lines, _CAUSES):
        return named
    reason = _reason(lines, exception)
    return Failure(
        error_code="script_failed",
        message=f"The script ended with exit code {ended.exit_code}{': ' + reason if reason else ''}.",
        hint="Look at the lines below; the whole output is in the log.",
        lines=lines,
    )


def of_interruption(output: Path) -> Failure:
    """Why a training that PyTorch Lightning ended on SIGTERM was ended, when it was not by this app."""
    return _named(tuple(last_lines(output, _SHOWN_LINES)), (_RANK_LOST,)) or INTERRUPTED


def with_lines(failure: Failure, output: Path) -> Failure:
    """The same with the last lines of output."""
    return failure.model_copy(update={"lines": tuple(last_lines(output, _SHOWN_LINES))})


def of_error(error: Exception) -> Failure:
    """Why a step before the script failed."""
    if isinstance(error, RunnerError):
        return Failure(
            error_code=error.error_code,
            message=error.message,
            hint=error.hint_text,
            lines=tuple(error.lines),
        )
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return of_error(DiskFull())
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


def _named(lines: tuple[str, ...], causes: tuple[_Cause, ...]) -> Failure | None:
    """The first of these causes that the lines show."""
    for cause in causes:
        for line in reversed(lines):
            if match := cause.pattern.search(line):
                found = match.group(1).rstrip(".")
                return Failure(
                    error_code=cause.code,
                    message=cause.message.format(found),
                    hint=cause.hint.format(found),
                    lines=lines,
                )
    return None


def _of_memory(ended: ScriptExit, limits: Limits, lines: tuple[str, ...]) -> Failure | None:
    """The kernel ended the script, or a worker of it, for lack of memory: only where the kernel says so."""
    was_killed = ended.signal == signal.SIGKILL or any(_WORKER_KILLED.search(ln) for ln in lines)
    if not was_killed or not ended.memory_kills:
        return None
    if ended.own_memory_kills and limits.memory_bytes:
        return Failure(
            error_code="limit_memory",
            message="The kernel ended the script because its processes used more memory than their limit of "
            f"{format_bytes(limits.memory_bytes)}.",
            hint="Use a smaller batch size or fewer workers, or run it again with more limits.memory_bytes.",
            lines=lines,
        )
    return Failure(
        error_code="out_of_memory",
        message="The script was ended because no memory was left: the kernel counted such a kill meanwhile.",
        hint="Use a smaller batch size or fewer workers, or fewer runs at a time.",
        lines=lines,
    )


def _of_signal(number: int, lines: tuple[str, ...]) -> Failure:
    name = signal.Signals(number).name
    if number == signal.SIGKILL:
        hint = (
            "Nobody of this app sent it, and the kernel counted no kill for lack of memory: look for what else "
            "ends processes on this machine."
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
