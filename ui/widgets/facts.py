"""Titled lists of names and values."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from repo_runner.models import Run, RunSpec
from ui.widgets import formats, safe
from ui.widgets.component import mount
from ui.widgets.run_table import status_word

Fact = dict[str, Any]
MAX_FACTS = 200
SANDBOXES = {
    "none": "none: the script may do what the app's account may do",
    "landlock": "Landlock: writes only to its own folders",
    "bubblewrap": "bubblewrap: writes only to its own folders, sees no other process",
}


def show_facts(title: str, facts: Sequence[Fact], *, key: str, folded: bool = False) -> None:
    """Show a list; a folded one opens with a click on its title."""
    mount("rr-facts", {"title": title, "facts": list(facts), "folded": folded}, key=key)


def show_heading(run: Run) -> None:
    """Show the run's name, status and origin."""
    mount("rr-heading", heading_data(run), key="heading")


def fact(name: str, value: Any, kind: str = "", **more: Any) -> Fact:
    """Return one entry."""
    return {"name": name, "value": value, "kind": kind, **more}


def command_line(spec: RunSpec) -> str:
    """Return the exact command of a run, as one would type it."""
    return shlex.join(["python", *spec.script_words, *spec.script_args])


def configuration(run: Run) -> list[Fact]:
    """Return what was asked for and what it became."""
    spec = run.spec
    return [
        fact("Command", command_line(spec), "code"),
        fact(
            "Repository", safe.repo_label(spec.repo_url), "link", link=safe.web_url(spec.repo_url)
        ),
        fact("Ref", spec.ref or "default branch"),
        fact("Commit", run.commit_sha, "copy"),
        fact("Requirements", "\n".join(spec.requirements), "code"),
        fact("Python", spec.python or "the app's own version"),
        fact("Sandbox", SANDBOXES[spec.sandbox]),
        fact("Variables", ", ".join(sorted({**spec.env, **spec.secret_env, **spec.secret_refs}))),
        fact("Environment", run.environment_key, "copy", label=(run.environment_key or "")[:12]),
        fact("Attempt", run.attempt or None),
        fact("Submitted", formats.iso(run.created_at), "ago"),
        fact("Submitted by", spec.submitted_by or None),
    ]


def mapping_facts(values: Mapping[str, Any]) -> list[Fact]:
    """Return a mapping a run has reported (hyperparameters, trainer) as a list, at most 200 entries."""
    return [
        fact(str(name), formats.plain(value)) for name, value in list(values.items())[:MAX_FACTS]
    ]


def heading_data(run: Run) -> dict[str, Any]:
    """Return what the heading shows."""
    spec = run.spec
    return {
        "run_id": run.run_id,
        "name": run.name,
        "status": status_word(run),
        "repo": safe.repo_label(spec.repo_url),
        "repo_url": spec.repo_url,
        "repo_link": safe.web_url(spec.repo_url),
        "commit_sha": run.commit_sha,
        "commit_link": safe.commit_url(spec.repo_url, run.commit_sha),
        "script_path": spec.script_path,
        "script_link": safe.script_url(spec.repo_url, run.commit_sha, spec.script_path),
        "by": spec.submitted_by,
        "created_at": formats.iso(run.created_at),
        "started_at": formats.iso(run.started_at),
    }


def show_json(title: str, note: str, value: Any, *, key: str) -> None:
    """Show a value as indented JSON."""
    mount("rr-json", {"title": title, "note": note, "value": value}, key=key)
