"""The environment of a run: its Python, a lock to download, and every package beside what asked for it."""

from __future__ import annotations

from typing import Any

from repo_runner.run_environment import InstalledPackage, RunEnvironment
from ui.widgets import formats, safe
from ui.widgets.facts import MAX_FACTS, Fact, fact, show_facts

_SAYS = {"differs": "not what was asked for", "not_installed": "not installed"}


def show_environment(environment: RunEnvironment, lock_url: str) -> None:
    """Show the card and, folded, the packages; nothing before there is an environment."""
    if not environment.key:
        return
    show_facts("Environment", environment_facts(environment, lock_url), key="environment")
    title = f"Packages ({len(environment.freeze)})"
    show_facts(title, package_facts(environment), key="packages", folded=True)


def environment_facts(environment: RunEnvironment, lock_url: str) -> list[Fact]:
    """Return what is known of it as a whole."""
    built = formats.duration(environment.seconds)
    differing = [row for row in environment.packages if row.kind in _SAYS]
    facts = [
        fact("Python", environment.python),
        fact("Built", f"reused; took {built} when it was built" if environment.reused else built),
        fact("From", ", ".join(environment.dependency_files) or "no file of the repository"),
        fact("Lock", "requirements.txt", "link", link=safe.web_url(lock_url)),
        fact("Key", environment.key, "copy", label=environment.key[:12]),
    ]
    if environment.control_group:
        facts.append(fact("Processes", "in a control group of their own: none can escape"))
    if differing:
        names = ", ".join(f"{row.name} ({_SAYS[row.kind]})" for row in differing[:8])
        facts.append(fact("Differs", names))
    return facts


def package_facts(environment: RunEnvironment) -> list[Fact]:
    """Return one entry a package, those that differ from the repository's files first."""
    return [_package(row) for row in environment.packages[:MAX_FACTS]]


def _package(row: InstalledPackage) -> dict[str, Any]:
    asked = f"{row.declared} in {row.file}" if row.file else row.declared
    note = asked if row.kind == "declared" else f"{_SAYS.get(row.kind, '')}: {asked}".strip(": ")
    return fact(row.name, row.version or "–", "noted", note=note, warn=row.kind in _SAYS)
