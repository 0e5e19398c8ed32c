"""Asks the advisory services about every locked version: `make audit`.

Exit codes: 0 nothing but what is accepted · 1 something else · 3 no service could be asked (0 with `--if-reachable`).
A service counts only if it knows the hole of a version that is known to have one: a mirror of the package index answers
"not found", which pip-audit takes for a success.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.audit.accepted import PAGE, not_accepted, read, unaudited

ROOT = Path(__file__).resolve().parents[2]
LOCKS = ("requirements.lock", "requirements-dev.lock")
SERVICES = ("pypi", "osv")
#: Has had known vulnerabilities for many years.
CANARY = "jinja2==2.4.1"
UNREACHABLE = 3
_TIMEOUT_S = 600


def ask(service: str, requirements: Path) -> dict[str, Any] | None:
    """The report of one service, or None when it does not answer."""
    words = ["--no-deps", "--disable-pip", "--format", "json", "--progress-spinner", "off"]
    command = [sys.executable, "-m", "pip_audit", "-s", service, "-r", str(requirements), *words]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
        )
        report: dict[str, Any] = json.loads(done.stdout)
    except (subprocess.TimeoutExpired, ValueError):
        return None
    return report


def reachable_service() -> str | None:
    """The first that knows the canary's holes."""
    with tempfile.TemporaryDirectory() as folder:
        canary = Path(folder, "canary.txt")
        canary.write_text(CANARY + "\n")
        for service in SERVICES:
            report = ask(service, canary)
            if report and any(p.get("vulns") for p in report["dependencies"]):
                return service
    return None


def judge(lock: str, report: dict[str, Any] | None) -> bool:
    """Print what is wrong with one lock file; whether nothing is."""
    if report is None:
        print(f"{lock}: the service broke off.")
        return False
    problems = [*map(str, not_accepted(report, read())), *unaudited(report)]
    print(f"{lock}: {len(report['dependencies'])} packages, {len(problems)} to look at")
    for problem in problems:
        print(f"  {problem}")
    return not problems


def main(arguments: list[str]) -> int:
    """Audit every lock file."""
    if importlib.util.find_spec("pip_audit") is None:
        print(
            "NOT AUDITED: pip-audit is not installed; `make setup-dev` installs what the lock names."
        )
        return UNREACHABLE
    service = reachable_service()
    if service is None:
        print(
            "NOT AUDITED: no advisory service can be reached from here, so nothing is known about the locked versions. "
            "Run `make audit` where one can be."
        )
        return 0 if "--if-reachable" in arguments else UNREACHABLE
    sound = [judge(lock, ask(service, ROOT / lock)) for lock in LOCKS]
    if all(sound):
        print(
            f"Audited with {service!r}: nothing but the {len(read())} accepted ones in {PAGE.name}."
        )
    return 0 if all(sound) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
