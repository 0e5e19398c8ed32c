"""Start, follow and stop processes and their trees: the only user of `subprocess` and of signals to others.

A process is identified by pid, start time and boot id, never by pid alone, so that a reused pid is never signalled.
Everything starts from an argument list, with an explicit environment, in a session of its own, stdin from /dev/null.
"""

from __future__ import annotations

from repo_runner.process.child import (
    Child,
    CommandMissing,
    ask_to_end,
    ended_within,
    kill_first_when_short_of_memory,
    kill_group,
    start,
)
from repo_runner.process.command import Completed, ProcessCancelled, ProcessTimeout, run
from repo_runner.process.fork import Fork, fork, fork_survivor
from repo_runner.process.identity import ProcessIdentity, boot_id
from repo_runner.process.kernel import become_subreaper, die_with_parent
from repo_runner.process.marker import MARKER, mark_children, marks
from repo_runner.process.tree import bury_adopted, kill_marked, kill_tree, marked
from repo_runner.process.usage import tree_memory

__all__ = [
    "MARKER",
    "Child",
    "CommandMissing",
    "Completed",
    "Fork",
    "ProcessCancelled",
    "ProcessIdentity",
    "ProcessTimeout",
    "ask_to_end",
    "become_subreaper",
    "boot_id",
    "bury_adopted",
    "die_with_parent",
    "ended_within",
    "fork",
    "fork_survivor",
    "kill_first_when_short_of_memory",
    "kill_group",
    "kill_marked",
    "kill_tree",
    "mark_children",
    "marked",
    "marks",
    "run",
    "start",
    "tree_memory",
]
