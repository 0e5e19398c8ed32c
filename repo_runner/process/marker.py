"""The variable that marks every process of a run, so that the ones that escaped its tree are found."""

from __future__ import annotations

#: As the GitHub runner's tracking id does.
MARKER = "REPO_RUNNER_RUN_ID"

_marks: dict[str, str] = {}


def mark_children(run_id: str) -> None:
    """From now on everything this process starts carries the marker of this run."""
    _marks[MARKER] = run_id


def marks() -> dict[str, str]:
    """What every environment this process hands to a child must hold; nothing outside a supervisor."""
    return dict(_marks)
