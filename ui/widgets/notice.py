"""Sentences a person must read: errors, preflight findings, a failed run, the app being away."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal

from repo_runner.errors import AppUnreachable, RunnerError
from repo_runner.models import Failure, Finding
from ui.widgets.component import mount, nothing

Level = Literal["ok", "info", "warn", "error", "wait"]


def show_notices(items: Sequence[dict[str, Any]], *, key: str, compact: bool = False) -> str | None:
    """Show notices below each other; none takes no space. Return the id of the button that was pressed."""
    if not items:
        return None
    data = {"items": list(items), "compact": compact}
    pressed = mount("rr-notice", data, key=key, on_event={"press": nothing}).get("press")
    return str(pressed) if pressed else None


def show_errors(error: RunnerError, *, key: str) -> None:
    """Show an error of the app, or that it is away for now."""
    away = error.error_code == AppUnreachable.code
    show_notices([app_away(error) if away else of_error(error)], key=key)


def notice(level: Level, text: str, hint: str = "") -> dict[str, Any]:
    """Return a sentence of our own as a notice."""
    return {"level": level, "text": text, "hint": hint}


def button(label: str, *, main: bool = False, name: str = "") -> dict[str, Any]:
    """Return a button of a notice's `buttons`; a press is known by its name, which is the label if none is given."""
    return {"id": name or label, "label": label, "main": main}


def of_error(error: RunnerError) -> dict[str, Any]:
    """Return an error as a notice."""
    return {
        "level": "error",
        "text": error.message,
        "hint": error.hint_text,
        "lines": list(error.lines),
        "code": error.error_code,
    }


def of_failure(failure: Failure) -> dict[str, Any]:
    """Return the cause of a failed run as a notice."""
    return {
        "level": "error",
        "text": failure.message,
        "hint": failure.hint,
        "lines": list(failure.lines),
        "code": failure.error_code,
    }


def of_finding(finding: Finding) -> dict[str, Any]:
    """Return one row of a preflight as a notice."""
    return {
        "level": finding.level,
        "text": finding.message,
        "hint": finding.hint,
        "code": finding.code,
    }


def of_notes(notes: Iterable[str]) -> list[dict[str, Any]]:
    """Return a run's non-fatal notes as notices."""
    return [notice("info", text) for text in notes]


def app_away(error: RunnerError) -> dict[str, Any]:
    """Return the banner for the time in which the app does not answer."""
    return {
        "level": "wait",
        "text": "The app is not answering. This page retries and goes on by itself.",
        "hint": f"Runs that train go on without it. {error.message}",
        "code": error.error_code,
    }
