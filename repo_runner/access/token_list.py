"""Tokens of persons: a file of the operator, one `name role sha256` a line, that holds no token itself."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from pathlib import Path

from repo_runner.access.person import MAX_NAME, Person, Role
from repo_runner.access.private_file import read_private
from repo_runner.errors import InvalidInput

SETTING = "REPO_RUNNER_TOKEN_FILE"


def new_token(name: str, role: Role) -> tuple[str, str]:
    """A token for a person, and the line that makes the app know it."""
    if not name or len(name) > MAX_NAME or name.startswith("#") or name.split() != [name]:
        raise InvalidInput("The name must be one word.", field="name")
    token = secrets.token_urlsafe(32)
    return token, f"{name} {role.value} {_digest(token)}"


class TokenList:
    """The file, read again when it changes: a line that is taken out is refused at once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int] | None = None
        self._persons: list[tuple[str, Person]] = []
        self._refresh()

    def find(self, token: str) -> Person | None:
        """Whose token this is; every line is compared, each in constant time."""
        self._refresh()
        shown, found = _digest(token), None
        for digest, person in self._persons:
            if hmac.compare_digest(digest, shown):
                found = person
        return found

    def _refresh(self) -> None:
        facts = self._path.stat() if self._path.exists() else None
        now = (facts.st_mtime_ns, facts.st_ino) if facts else None
        if now is None or now != self._seen:
            self._persons = []  # whatever is wrong with the file, the former lines do not count any more
            lines = read_private(self._path, SETTING).splitlines()
            self._persons = [
                _read(number, line) for number, line in enumerate(lines, 1) if _counts(line)
            ]
            self._seen = now


def _counts(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")


def _read(number: int, line: str) -> tuple[str, Person]:
    try:
        name, role, digest = line.split()
        bytes.fromhex(digest)
        return digest.lower(), Person(name, Role(role))
    except ValueError as error:
        raise InvalidInput(
            f"Line {number} of the token file is not `name role sha256`.",
            field=SETTING,
            hint="`python -m repo_runner token NAME ROLE` prints such a line.",
        ) from error


def _digest(token: str) -> str:
    """Tokens are 256 random bits: a plain hash cannot be turned back."""
    return hashlib.sha256(token.encode()).hexdigest()
