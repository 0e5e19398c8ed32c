"""Which log of a run is shown and how: its live end, a place in it, and what was looked for."""

from __future__ import annotations

from dataclasses import dataclass, replace

import streamlit as st

from repo_runner.models import LogSearch, Run
from ui.connection import client
from ui.views.log_part import LogPart
from ui.views.log_reader import reader_of
from ui.widgets.log_view import STREAMS, Log, LogWish

#: Looked for one after the other: where a failure begins.
ERROR_WORDS = ("Traceback (most recent call last)", "Error: ", "error: ", "ERROR")
MAX_MATCHES = 100


@dataclass(frozen=True)
class LogChoice:
    """What a person has chosen to see of a run's logs."""

    run_id: str
    #: Empty: the one that tells most now.
    stream: str = ""
    query: str = ""
    found: LogSearch | None = None
    at: int | None = None
    #: What is shown instead of the live end.
    part: LogPart | None = None


def load_log(run: Run) -> Log:
    """Read what the choice of this session asks for. Raises `RunnerError`."""
    choice = _choice(run.run_id)
    stream = choice.stream or stream_now(run)
    if direction := st.session_state.pop("log_scroll", None):
        choice = _scrolled(choice, stream, direction)
        st.session_state["log_choice"] = choice
    if choice.part is not None:
        part = choice.part
        log = Log(stream, part.lines, part.size_bytes, at=choice.at)
        log = replace(log, has_older=part.start > 0, is_part=True)
    else:
        reader = reader_of(run.run_id, stream)
        reader.read()
        sizes = (reader.size_bytes, reader.skipped_bytes, reader.dropped_bytes)
        lines = reader.lines()
        log = Log(stream, lines, *sizes, has_older=bool(lines) and lines[0][0] > 0)
    return replace(log, query=choice.query, found=choice.found)


def scroll(direction: str) -> None:
    """The next moment shows lines that are `older`, or `newer`, than those on the page."""
    st.session_state["log_scroll"] = direction


def _scrolled(choice: LogChoice, stream: str, direction: str) -> LogChoice:
    """Away from the live end, or back to it where it is reached. Raises `RunnerError`."""
    part = choice.part
    if part is None:
        if direction == "newer":
            return choice
        reader = reader_of(choice.run_id, stream)
        here = (reader.lines(), reader.end, reader.size_bytes)
        return replace(choice, stream=stream, part=LogPart.ending(choice.run_id, stream, *here))
    if direction == "older":
        part.older()
        return choice
    part.newer()
    return replace(choice, at=None, part=None) if part.end >= part.size_bytes else choice


def stream_now(run: Run) -> str:
    """The log of the phase a run is in, or ended in."""
    return {phase: stream for stream, phase in STREAMS.items()}.get(run.phase, "fetch")


def follow_wish(run_id: str, shown: str, wish: LogWish) -> None:
    """Change the choice as a person has asked who sees the log `shown`. Raises `RunnerError`."""
    choice = _choice(run_id)
    choice = replace(choice, stream=choice.stream or shown)
    match wish.verb:
        case "stream" if wish.value in STREAMS:
            # What a person looks for they look for in this log too.
            choice = _search(LogChoice(run_id, wish.value), choice.query)
        case "search":
            choice = _search(choice, wish.value)
        case "at":
            choice = _at(choice, int(wish.value) if wish.value.isdigit() else None)
        case "error":
            choice = _at(choice, first_error(run_id, choice.stream))
    st.session_state["log_choice"] = choice


def _at(choice: LogChoice, place: int | None) -> LogChoice:
    part = None if place is None else LogPart.around(choice.run_id, choice.stream, place)
    return replace(choice, at=place, part=part)


def first_error(run_id: str, stream: str) -> int | None:
    """The place of the first line that looks like an error; None: there is none."""
    for words in ERROR_WORDS:
        found = client().search_logs(
            run_id, words, context=0, match_case=True, limit=1, stream=stream
        )
        if found.matches:
            return found.matches[0].offset
    return None


def _search(choice: LogChoice, query: str) -> LogChoice:
    found = None
    if query:
        found = client().search_logs(choice.run_id, query, limit=MAX_MATCHES, stream=choice.stream)
    return replace(choice, query=query, found=found)


def _choice(run_id: str) -> LogChoice:
    """A choice made for one run is none for another."""
    choice: LogChoice | None = st.session_state.get("log_choice")
    return choice if choice is not None and choice.run_id == run_id else LogChoice(run_id)
