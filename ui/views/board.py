"""TensorBoard of a run, started by looking at it."""

from __future__ import annotations

import streamlit as st

from repo_runner.board_status import BoardStatus
from repo_runner.errors import RunnerError
from repo_runner.models import Run
from ui.connection import client
from ui.widgets import safe
from ui.widgets.component import mount, nothing
from ui.widgets.notice import show_errors, show_notices

NOTE = "A process of its own; it ends a quarter of an hour after the last look."


def show_board(run: Run) -> None:
    """Show it, or how far it is; what a person has closed stays closed until they ask for it."""
    opened: set[str] = st.session_state.setdefault("boards_opened", set())
    try:
        status = client().board(run.run_id)
        if status.state == "off" and run.run_id not in opened:
            opened.add(run.run_id)
            status = client().open_board(run.run_id)
    except RunnerError as error:
        show_errors(error, key="board-error")
        return
    if status.state == "failed":
        failed = {"level": "error", "text": status.message, "lines": list(status.lines)}
        show_notices([failed], key="board-failed")
    _show(run, status)


def board_data(status: BoardStatus) -> dict[str, str]:
    """Return what the element shows; a failed one can be started again."""
    return {
        "state": "off" if status.state == "failed" else status.state,
        "address": safe.web_url(status.address) or "",
        "message": status.message,
        "note": NOTE,
    }


def _show(run: Run, status: BoardStatus) -> None:
    events = {"open": nothing, "close": nothing}
    sent = mount("rr-board", board_data(status), key="board", on_event=events)
    if sent.get("close"):
        client().close_board(run.run_id)
    elif sent.get("open"):
        client().open_board(run.run_id)
