"""A link that opens the filled form, and a badge with it for a README."""

from __future__ import annotations

import shlex
from urllib.parse import quote, urlencode

from repo_runner.models import RunSpec, Submission
from ui.connection import client
from ui.widgets import safe
from ui.widgets.facts import fact, show_facts

_BADGE = "https://img.shields.io/badge/train_with-Repo_Runner-0072b2"


def show_link(submission: Submission | None, spec: RunSpec) -> None:
    """Offer the link and the badge, folded away."""
    ref = submission.ref if submission else spec.ref
    link = form_link(client().public_address, spec, ref)
    facts = [
        fact("Link", link, "copy"),
        fact("Badge", badge(link), "copy"),
        fact("Opens", "the filled form, on any machine where this app runs"),
    ]
    show_facts("Share this form", facts, key="share", folded=True)


def form_link(address: str, spec: RunSpec, ref: str) -> str:
    """Return the address of the form filled with a run's repository, ref, script and arguments."""
    asked = {
        "repo": safe.repo_label(spec.repo_url) if _is_github(spec) else spec.repo_url,
        "ref": ref,
        "script": spec.script,
        "args": shlex.join(spec.script_args),
    }
    given = {name: value for name, value in asked.items() if value}
    return f"{address}/new?{urlencode(given, quote_via=quote, safe='/')}"


def badge(link: str) -> str:
    """Return the Markdown of a badge."""
    target = link.replace("(", "%28").replace(")", "%29")
    return f"[![Train with Repo Runner]({_BADGE})]({target})"


def _is_github(spec: RunSpec) -> bool:
    return spec.repo_url.startswith("https://github.com/")
