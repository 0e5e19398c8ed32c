"""Keeps the probe's own errors away from the script."""

from __future__ import annotations

import functools
import traceback
from typing import Any, Callable, TypeVar

from repo_runner_probe import session

Result = TypeVar("Result")

ERRORS_ALLOWED = 5


def guarded(method: Callable[..., Result]) -> Callable[..., Result | None]:
    """Report an exception of `method` instead of raising it; after a few, do not try any more.

    Not BaseException: KeyboardInterrupt and Lightning's SIGTERMException, which is a SystemExit,
    are the script's.
    """
    errors = 0

    @functools.wraps(method)
    def safe(*args: Any, **kwargs: Any) -> Result | None:
        nonlocal errors
        if errors >= ERRORS_ALLOWED:
            return None
        try:
            return method(*args, **kwargs)
        except Exception as error:  # the one place that may not choose
            errors += 1
            _report(method.__name__, error, is_off=errors >= ERRORS_ALLOWED)
            return None

    return safe


def _report(hook: str, error: Exception, *, is_off: bool) -> None:
    try:
        lines = traceback.format_exception(type(error), error, error.__traceback__)
        facts = {
            "hook": hook,
            "error": f"{type(error).__name__}: {error}"[:500],
            "tb": "".join(lines)[-4000:],
            "off": is_off,
        }
        session.current().emit("monitor_error", facts)
    except Exception:  # noqa: S110 - there is nobody left to tell
        pass
