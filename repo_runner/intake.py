"""From what a person typed to a validated RunSpec, or one sentence that names the field that is wrong."""

from __future__ import annotations

import re
import shlex

from repo_runner.errors import InvalidArguments, InvalidInput, InvalidToken
from repo_runner.failure_codes import FAILURE_CODES
from repo_runner.models.limits import Retries

MAX_ARGUMENTS_BYTES = 65536


def split_arguments(value: str | list[str]) -> tuple[str, ...]:
    """The script's words, split as a POSIX shell would, never run by one; InvalidArguments on an open quote."""
    try:
        words = tuple(shlex.split(value)) if isinstance(value, str) else tuple(value)
    except ValueError as error:
        raise InvalidArguments(
            f"The arguments cannot be split into words: {str(error).lower()}.", field="script_args"
        ) from error
    if any("\0" in word for word in words):
        raise InvalidArguments("An argument holds a NUL character.", field="script_args")
    if sum(len(word.encode()) + 1 for word in words) > MAX_ARGUMENTS_BYTES:
        raise InvalidArguments(
            f"The arguments are longer than {MAX_ARGUMENTS_BYTES} bytes.",
            field="script_args",
            hint="Put them into a file of the repository.",
        )
    return words


def check_script_path(path: str) -> str:
    """A relative path of a Python file inside the repository, normalised; InvalidInput otherwise."""
    text = path.strip().removeprefix("./")
    if not text:
        raise InvalidInput(
            "The script is missing.",
            field="script_path",
            hint="Give the path of the Python file from the top of the repository, such as train.py.",
        )
    parts = text.split("/")
    if text.startswith("/") or "\\" in text or "\0" in text or ".." in parts or "" in parts:
        raise InvalidInput(
            f"The script path {text!r} leaves the repository.",
            field="script_path",
            hint="Give a path from the top of the repository, without '..' and without a leading '/'.",
        )
    if not text.endswith(".py"):
        raise InvalidInput(
            f"The script {text!r} is not a Python file.",
            field="script_path",
            hint="Name a file that ends in .py.",
        )
    return text


def check_python(version: str) -> str:
    """A Python version such as `3.11`, or nothing."""
    text = version.strip()
    if text and not (
        text.replace(".", "").isdigit() and text.startswith("3.") and text.count(".") <= 2
    ):
        raise InvalidInput(
            f"The Python version {text!r} is not valid.",
            field="python",
            hint="Write it as 3.11 or 3.11.7.",
        )
    return text


def check_retries(retries: Retries) -> None:
    """InvalidInput for rules that name no error code, or one no run can fail with."""
    unknown = sorted(set(retries.error_codes) - FAILURE_CODES)
    if unknown:
        raise InvalidInput(
            f"No run fails with the error code {unknown[0]!r}.",
            field="retries.error_codes",
            hint=f"Name some of: {', '.join(sorted(FAILURE_CODES))}.",
        )
    if bool(retries.times) != bool(retries.error_codes):
        raise InvalidInput(
            "Retries need both a number of times and the error codes they are for.",
            field="retries.error_codes" if retries.times else "retries.times",
            hint="Such as 2 times for index_unreachable and supervisor_lost.",
        )


def check_token(token: str) -> str:
    """A token as it goes into a header, or nothing; InvalidToken for what cannot be one."""
    text = token.strip()
    if text and not re.fullmatch(r"[!-~]{4,4096}", text):
        raise InvalidToken(field="token")
    return text
