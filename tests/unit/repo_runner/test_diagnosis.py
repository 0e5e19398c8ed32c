import errno
import signal
from pathlib import Path

import pytest

from repo_runner import diagnosis
from repo_runner.models import Limits
from repo_runner.script_exit import ScriptExit

NO_LIMITS = Limits()


def of(tmp_path: Path, text: str, limits: Limits = NO_LIMITS, **ended):
    (tmp_path / "output.log").write_text(text)
    script_exit = ScriptExit(**({"exit_code": 1, "signal": None} | ended))
    return diagnosis.of_script(script_exit, limits, tmp_path / "output.log", None)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("ModuleNotFoundError: No module named 'sklearn.utils'", "module_missing"),
        ("torch.OutOfMemoryError: CUDA out of memory. Tried", "gpu_out_of_memory"),
        ("OSError: [Errno 28] No space left on device", "disk_full"),
        ("RuntimeError: write failed: No space left on device", "disk_full"),
        ("OSError: [Errno 122] Disk quota exceeded", "disk_full"),
        ("MemoryError: Unable to allocate 8 TiB", "out_of_memory"),
        (
            "RuntimeError: [enforce] DefaultCPUAllocator: can't allocate memory: you",
            "out_of_memory",
        ),
        ("[rank: 1] Child process with PID 7 terminated with code -9. Forcefully", "rank_lost"),
        (
            "RuntimeError: [/x/gloo/transport/tcp/pair.cc:5] Connection closed by peer [1]",
            "rank_lost",
        ),
        (
            "RuntimeError: [/x/gloo/transport/tcp/pair.cc:537] Read error [127.0.0.1]:19345: Connection reset by peer.",
            "rank_lost",
        ),
        ("ConnectionResetError: Connection reset by peer", "script_failed"),
        ("train.py: error: unrecognized arguments: --epoch", "arguments_refused"),
        ("ValueError: bad", "script_failed"),
    ],
)
def test_the_cause_is_named(tmp_path: Path, text: str, code: str) -> None:
    assert of(tmp_path, f"Traceback\n{text}\n").error_code == code


def test_the_exception_is_quoted_in_one_sentence(tmp_path: Path) -> None:
    failure = of(tmp_path, "Traceback (most recent call last):\n  x\nValueError: lr is negative\n")
    assert failure.message == "The script ended with exit code 1: ValueError: lr is negative."
    assert failure.lines[-1] == "ValueError: lr is negative"


def test_a_kill_that_nobody_explains_is_said_as_such(tmp_path: Path) -> None:
    failure = of(tmp_path, "", exit_code=None, signal=signal.SIGKILL)
    assert failure.error_code == "script_killed"
    assert "SIGKILL" in failure.message
    assert "Nobody of this app sent it" in failure.hint


def test_a_kill_while_the_kernel_counted_one_is_out_of_memory(tmp_path: Path) -> None:
    failure = of(tmp_path, "", exit_code=None, signal=signal.SIGKILL, memory_kills=1)
    assert failure.error_code == "out_of_memory"


def test_a_killed_worker_of_the_script_is_out_of_memory_too(tmp_path: Path) -> None:
    said = "RuntimeError: DataLoader worker (pid 7) is killed by signal: Killed."
    assert of(tmp_path, said, memory_kills=1).error_code == "out_of_memory"
    assert of(tmp_path, said).error_code == "script_failed"


def test_the_kernels_kill_at_the_runs_own_limit_is_that_limit(tmp_path: Path) -> None:
    ended = {"exit_code": None, "signal": 9, "memory_kills": 1, "own_memory_kills": 1}
    failure = of(tmp_path, "", Limits(memory_bytes=1 << 30), **ended)
    assert (failure.error_code, "1.07 GB" in failure.message) == ("limit_memory", True)


def test_a_kill_elsewhere_does_not_explain_an_exit_code(tmp_path: Path) -> None:
    assert of(tmp_path, "ValueError: bad", memory_kills=3).error_code == "script_failed"


def test_a_full_disk_before_the_script_is_said_as_such() -> None:
    assert diagnosis.of_error(OSError(errno.ENOSPC, "full")).error_code == "disk_full"
