"""The logs of a run as the page shows them: one a phase, one of them unfolded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from repo_runner.models import LogSearch, Run, RunPhase
from ui.widgets import formats, safe
from ui.widgets.component import mount, nothing
from ui.widgets.phase_bar import phases_data

#: The logs of a run by the phase that writes them.
STREAMS = {"fetch": RunPhase.FETCHING, "build": RunPhase.BUILDING, "output": RunPhase.TRAINING}
_VERBS = ("stream", "search", "at", "error")

Link = Callable[[str], str]


@dataclass(frozen=True)
class Log:
    """What is known of one log."""

    #: Which one: `fetch`, `build`, or the script's own `output`.
    stream: str
    #: Each line with the place where it began, by which the page knows it again.
    lines: list[tuple[int, str]]
    size_bytes: int = 0
    #: Bytes before the first line that were never read.
    skipped_bytes: int = 0
    #: Bytes in the middle that the app did not keep.
    dropped_bytes: int = 0
    #: What was looked for in the whole of it, and found.
    query: str = ""
    found: LogSearch | None = None
    #: The place a person has gone to; None: its end, live.
    at: int | None = None
    #: Whether there are lines before the first one, and whether these are not the live end.
    has_older: bool = False
    is_part: bool = False


@dataclass(frozen=True)
class LogWish:
    """What a person has asked for: another `stream`, a `search`, to go `at` a place or to the first `error`."""

    verb: str
    value: str


def show_log(
    run: Run, log: Log, link: Link, on_scroll: Callable[[str], None] = str
) -> list[LogWish]:
    """Show the logs and return all a person has asked for, in order; `link` gives the address of a whole log.

    `on_scroll` hears that the person has come to the first line (`older`) or to the last one of a part (`newer`).
    """
    scrolls = {"older": lambda _: on_scroll("older"), "newer": lambda _: on_scroll("newer")}
    events = {**dict.fromkeys(_VERBS, nothing), **scrolls}
    sent = mount("rr-log", log_data(run, log, link), key="log", on_event=events)
    return [LogWish(verb, str(value)) for verb, value in sent.items() if verb in _VERBS]


def log_data(run: Run, log: Log, link: Link) -> dict[str, Any]:
    """Return what the element shows."""
    ended = run.status.is_terminal
    return {
        "stream": log.stream,
        "folds": _folds(run),
        "lines": log.lines,
        "note": note_of(log),
        "empty": "Nothing was written." if ended else "Nothing written yet.",
        "at": log.at,
        "more": {"before": log.has_older, "after": log.is_part},
        "query": log.query,
        "found": _found(log.found) if log.found else None,
        "download": safe.web_url(link(log.stream)),
        "size_bytes": log.size_bytes,
    }


def note_of(log: Log) -> str:
    """Say what is not shown."""
    notes = []
    if log.at is not None or log.is_part:
        notes.append("A part of the log; Follow leads back to its end.")
    elif log.skipped_bytes:
        shown = formats.size(log.size_bytes - log.skipped_bytes)
        notes.append(f"The last {shown} of {formats.size(log.size_bytes)}.")
    if log.dropped_bytes:
        notes.append(f"{formats.size(log.dropped_bytes)} in the middle were not kept.")
    return " ".join(notes)


def _folds(run: Run) -> list[dict[str, Any]]:
    """One a phase that has a log, with its state and times, as the bar above shows them."""
    phases = {phase["name"]: phase for phase in phases_data(run)["phases"]}
    return [{**phases[phase.value], "stream": stream} for stream, phase in STREAMS.items()]


def _found(found: LogSearch) -> dict[str, Any]:
    count = len(found.matches)
    more = "The first " if found.next_offset is not None else ""
    notes = [f"{more}{count:,} line{'s' * (count != 1)}" if count else "No line holds it"]
    if found.dropped_bytes:
        notes.append(f"{formats.size(found.dropped_bytes)} are not kept and were not searched")
    return {
        "note": "; ".join(notes),
        "matches": [match.model_dump() for match in found.matches],
    }
