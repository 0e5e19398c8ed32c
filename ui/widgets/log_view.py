"""The log of a run: its last lines as a terminal would show them."""

from __future__ import annotations

from repo_runner.models import LogSlice, Run
from ui.widgets import formats
from ui.widgets.component import mount
from ui.widgets.terminal import screen

#: As many lines as a person scrolls through; the search goes through all that is loaded.
MAX_LINES = 600

#: The logs of a run and their names on the page.
STREAMS = {"output": "Script", "build": "Installer"}


def show_log(run: Run, log: LogSlice, stream: str) -> str | None:
    """Show the end of a log and return the name of the other log if a person has asked for it."""
    data = log_data(run, log, stream)
    chosen = mount("rr-log", data, key="log", on_event={"stream": _nothing}).get("stream")
    return str(chosen) if chosen in STREAMS else None


def log_data(run: Run, log: LogSlice, stream: str) -> dict[str, object]:
    """Return what the element shows."""
    ended = run.status.is_terminal
    return {
        "stream": stream,
        "streams": STREAMS,
        "lines": lines_of(log),
        "note": note_of(log),
        "empty": "Nothing was written." if ended else "Nothing written yet.",
    }


def _nothing() -> None:
    """The element sends an event only if someone listens; the event is read after the callbacks."""


def lines_of(log: LogSlice) -> list[tuple[int, str]]:
    """Return each line with its byte offset in the whole output, by which the page knows it again."""
    start = start_of(log)
    lines = screen(log.text.encode("utf-8", "surrogatepass"), start)
    if start > 0 and len(lines) > 1:
        del lines[0]  # the tail begins in the middle of a line
    return lines[-MAX_LINES:]


def start_of(log: LogSlice) -> int:
    """Return where in the whole output the text begins."""
    return log.next_offset - len(log.text.encode("utf-8", "surrogatepass"))


def note_of(log: LogSlice) -> str:
    """Say what is not shown."""
    start = start_of(log)
    notes = []
    if start > 0:
        notes.append(
            f"The last {formats.size(log.size_bytes - start)} of {formats.size(log.size_bytes)}."
        )
    if log.dropped_bytes:
        notes.append(f"{formats.size(log.dropped_bytes)} in the middle were not kept.")
    return " ".join(notes)
