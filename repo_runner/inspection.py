"""What a preflight collects: findings as rows, errors as they were raised, and the spec they allow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from repo_runner.errors import RunnerError
from repo_runner.models import (
    Finding,
    NamedRef,
    Preflight,
    RunSpec,
    ScriptArgument,
    ScriptKind,
    SubmoduleInfo,
)
from repo_runner.token_vault import TokenVault

T = TypeVar("T")


@dataclass
class Inspection:
    """What was found: a spec, or the errors that stand in its way."""

    vault: TokenVault
    errors: list[RunnerError] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    #: With the ticket of the token that was sealed for the run, if it needs one.
    spec: RunSpec | None = None
    scripts: tuple[str, ...] = ()
    dependency_files: tuple[str, ...] = ()
    declared: tuple[tuple[str, str], ...] = ()
    script_kind: ScriptKind = "unknown"
    arguments: tuple[ScriptArgument, ...] = ()
    subcommands: tuple[str, ...] = ()
    refs: tuple[NamedRef, ...] = ()
    python: str = ""
    submodules: tuple[SubmoduleInfo, ...] = ()

    def attempt(self, step: Callable[[], T]) -> T | None:
        """The step's value, or None after noting the error a person can mend."""
        try:
            return step()
        except RunnerError as error:
            self.refuse(error)
            return None

    def refuse(self, error: RunnerError) -> None:
        """Note an error: without mending it there is no run."""
        self.errors.append(error)
        self._note("error", error.error_code, error.message, error.hint_text, error.field)

    def ok(self, code: str, message: str, hint: str = "") -> None:
        """Note that something is as it should be."""
        self._note("ok", code, message, hint)

    def warn(self, code: str, message: str, hint: str = "", about: str | None = None) -> None:
        """Note something a person may want to know."""
        self._note("warn", code, message, hint, about)

    def report(self) -> Preflight:
        """As the API answers it. A report starts no run, so a token sealed for one is forgotten."""
        spec = self.spec
        if spec is not None:
            for ticket in spec.tickets:
                self.vault.discard(ticket)
            spec = spec.model_copy(update={"token_ticket": "", "secret_env": {}})
        return Preflight(
            ok=not self.errors,
            findings=tuple(self.findings),
            spec=spec,
            scripts=self.scripts,
            dependency_files=self.dependency_files,
            declared=self.declared,
            script_kind=self.script_kind,
            arguments=self.arguments,
            subcommands=self.subcommands,
            refs=self.refs,
            python=self.python,
            submodules=self.submodules,
        )

    def _note(
        self, level: str, code: str, message: str, hint: str = "", about: str | None = None
    ) -> None:
        row = {"level": level, "code": code, "message": message, "hint": hint, "field": about}
        self.findings.append(Finding.model_validate(row))
