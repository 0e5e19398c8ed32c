"""The log of a run as the page shows it."""

from __future__ import annotations

from dataclasses import dataclass

from repo_runner.models import Run
from ui.widgets import formats
from ui.widgets.component import mount

#: The logs of a run and their names on the page.
STREAMS = {"output": "Script", "build": "Installer"}


@dataclass(frozen=True)
class Log:
    """What is known of one log."""

    #: Which one: the script's `output`, or the installer's `build`.
    stream: str
    #: Each line with the place where it began, by which the page knows it again.
    lines: list[tuple[int, str]]
    size_bytes: int = 0
    #: Bytes before the first line that were never read.
    skipped_bytes: int = 0
    #: Bytes in the middle that the app did not keep.
    dropped_bytes: int = 0


def show_log(run: Run, log: Log) -> str | None:
    """Show a log and return the name of the other one if a person has asked for it."""
    data = log_data(run, log)
    chosen = mount("rr-log", data, key="log", on_event={"stream": _nothing}).get("stream")
    return str(chosen) if chosen in STREAMS else None


def log_data(run: Run, log: Log) -> dict[str, object]:
    """Return what the element shows."""
    ended = run.status.is_terminal
    return {
        "stream": log.stream,
        "streams": STREAMS,
        "lines": log.lines,
        "note": note_of(log),
        "empty": "Nothing was written." if ended else "Nothing written yet.",
    }


def note_of(log: Log) -> str:
    """Say what is not shown."""
    notes = []
    if log.skipped_bytes:
        shown = formats.size(log.size_bytes - log.skipped_bytes)
        notes.append(f"The last {shown} of {formats.size(log.size_bytes)}.")
    if log.dropped_bytes:
        notes.append(f"{formats.size(log.dropped_bytes)} in the middle were not kept.")
    return " ".join(notes)


def _nothing() -> None:
    """The element sends an event only if someone listens; the event is read after the callbacks."""
