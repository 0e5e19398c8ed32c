import signal
from pathlib import Path

import pytest

from repo_runner import diagnosis


def of(tmp_path: Path, text: str, *, code: int | None = 1, number: int | None = None):
    (tmp_path / "output.log").write_text(text)
    return diagnosis.of_script(code, number, tmp_path / "output.log", None)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("ModuleNotFoundError: No module named 'sklearn.utils'", "module_missing"),
        ("torch.OutOfMemoryError: CUDA out of memory. Tried", "gpu_out_of_memory"),
        ("OSError: [Errno 28] No space left on device", "disk_full"),
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


def test_a_kill_names_the_signal_and_the_likely_cause(tmp_path: Path) -> None:
    failure = of(tmp_path, "", code=None, number=signal.SIGKILL)
    assert failure.error_code == "script_killed"
    assert "SIGKILL" in failure.message
    assert "memory" in failure.hint
