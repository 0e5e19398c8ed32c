"""Persons as a reverse proxy names them, believed only with the secret that this proxy shares with the app."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Sequence
from pathlib import Path

from repo_runner.access.person import MAX_NAME, Person, Role
from repo_runner.access.private_file import read_private
from repo_runner.errors import InvalidInput
from repo_runner.settings import Settings

#: Where the proxy shows its secret.
SECRET_HEADER = "x-repo-runner-proxy"  # noqa: S105  # the header's name
MIN_SECRET_CHARS = 32

#: All values of a header, by its name in lower case.
Values = Callable[[str], Sequence[str]]


class Proxy:
    """One trusted proxy. Its secret is the proof; an address would not be, on a machine with other accounts."""

    def __init__(self, settings: Settings) -> None:
        setting = "REPO_RUNNER_PROXY_SECRET_FILE"
        if not settings.proxy_secret_file:
            raise InvalidInput(
                "REPO_RUNNER_IDENTITY_HEADER is set, but no secret tells the proxy from anybody else.",
                field=setting,
                hint=f"Name a file of mode 0600 in {setting}; docs/team-use.md shows how.",
            )
        self._secret = read_private(Path(settings.proxy_secret_file), setting).strip().encode()
        if len(self._secret) < MIN_SECRET_CHARS:
            raise InvalidInput(
                f"The proxy's secret is shorter than {MIN_SECRET_CHARS} characters.", field=setting
            )
        self._identity = settings.identity_header.lower()
        self._role = settings.role_header.lower()
        self._roles = {**{role.value: role for role in Role}, **_named(settings.role_names)}
        self._default = _role(settings.default_role)

    def has_sent(self, values: Values) -> bool:
        """Whether this request comes from the proxy."""
        shown = values(SECRET_HEADER)
        return len(shown) == 1 and hmac.compare_digest(shown[0].encode(), self._secret)

    def person(self, values: Values) -> Person | None:
        """Whom the proxy names, with the highest of the roles it names; nobody without a role."""
        names = [name.strip() for name in values(self._identity)]
        if (
            len(names) != 1
            or not names[0]
            or len(names[0]) > MAX_NAME
            or not names[0].isprintable()
        ):
            return None
        words = [w.strip() for value in values(self._role) for w in value.split(",")]
        roles = [self._roles[word] for word in words if word in self._roles]
        role = max(roles, key=list(Role).index, default=self._default)
        return Person(names[0], role) if role else None


def _named(pairs: Sequence[str]) -> dict[str, Role]:
    """The operator's words for roles, such as groups of the identity provider."""
    try:
        return {word: Role(role) for word, _, role in (pair.rpartition("=") for pair in pairs)}
    except ValueError as error:
        raise InvalidInput(
            "REPO_RUNNER_ROLE_NAMES is not a list of word=role pairs.",
            field="REPO_RUNNER_ROLE_NAMES",
            hint="For instance: ml-admins=operator ml=submitter everybody=viewer",
        ) from error


def _role(word: str) -> Role | None:
    if word and word not in list(Role):
        raise InvalidInput(
            f"REPO_RUNNER_DEFAULT_ROLE is {word!r}, which is no role.",
            field="REPO_RUNNER_DEFAULT_ROLE",
            hint="Roles are viewer, submitter and operator.",
        )
    return Role(word) if word else None
