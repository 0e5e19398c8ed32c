"""The secrets of one run, opened by its supervisor: the values for the script, and all that must be masked."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from repo_runner.errors import SecretMissing
from repo_runner.models import RunSpec
from repo_runner.settings import Settings
from repo_runner.token_vault import TokenVault

_PASSWORD_IN_URL = re.compile(r"\w+://[^/@\s:]*:([^/@\s]+)@")


@dataclass(frozen=True)
class RunSecrets:
    """Variables of the script with their values, kept in memory alone."""

    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    #: Whatever must not reach the disk: these values, and the passwords in the surroundings of installer and script.
    masked: tuple[str, ...] = field(default=(), repr=False)
    #: Names whose values are gone.
    missing: tuple[str, ...] = ()

    @classmethod
    def open(cls, spec: RunSpec, settings: Settings) -> RunSecrets:
        """Unseal what was given with the run, and take what it refers to from the operator's environment."""
        vault = TokenVault(settings.home)
        env = {name: vault.open(ticket) for name, ticket in spec.secret_env.items()}
        refs = spec.secret_refs.items()
        env |= {name: settings.operator_secrets.get(source, "") for name, source in refs}
        missing = tuple(name for name, value in env.items() if not value)
        given = {name: value for name, value in env.items() if value}
        return cls(given, (*given.values(), *_passwords(settings)), missing)

    def require_all(self) -> None:
        """Raises SecretMissing: a script without its secret would fail later, and in other words."""
        if self.missing:
            raise SecretMissing(f"The value of {', '.join(self.missing)} is gone.")


def _passwords(settings: Settings) -> Iterator[str]:
    """Of package indexes and proxies, which are given as `https://user:password@host`."""
    for surroundings in (settings.installer_env, settings.git_env, settings.script_env):
        for value in surroundings.values():
            yield from _PASSWORD_IN_URL.findall(value)
