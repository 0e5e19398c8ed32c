"""Who is asking, by what a request carries; the same for both servers."""

from __future__ import annotations

import getpass
import hmac
from collections.abc import Sequence

from repo_runner.access.person import Person, Role
from repo_runner.access.session import session_in, unseal
from repo_runner.settings import Settings


class Gate:
    """Finds the person of a request. A server without the app's token accepts sessions alone."""

    def __init__(self, settings: Settings) -> None:
        if not settings.session_key:
            raise ValueError("the gate needs the key of this app's sessions")
        self._settings = settings
        #: The person at the machine: who can read the token's file, or was printed the link.
        self.operator = Person(_account(), Role.OPERATOR)

    def by_token(self, shown: Sequence[str]) -> Person | None:
        """The person of a bearer token, shown exactly once."""
        token = self._settings.token
        is_ours = len(shown) == 1 and hmac.compare_digest(shown[0].encode(), token.encode())
        return self.operator if token and is_ours else None

    def by_cookie(self, cookies: Sequence[str]) -> Person | None:
        """The person whose session is among the cookies of a request."""
        session = session_in("; ".join(cookies), self._settings.port)
        return unseal(self._settings.session_key, session) if session else None


def _account() -> str:
    """The name of the account the app runs under; a machine may have none for it."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "operator"
